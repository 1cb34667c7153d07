/** Exponential backoff with jitter, up to a limit. */
export class Backoff {
  private failures = 0;

  /**
   * @param firstMs approximate delay after the first failure
   * @param longestMs maximum delay
   * @param random from 0 up to 1; replaced in tests
   */
  constructor(
    private readonly firstMs: number,
    private readonly longestMs: number,
    private readonly random: () => number = Math.random,
  ) {}

  /** Counts a failure and returns the delay, ms: half of the step is fixed, the other half random. */
  nextMs(): number {
    const stepMs = Math.min(this.firstMs * 2 ** Math.min(this.failures++, 30), this.longestMs);
    return stepMs / 2 + (this.random() * stepMs) / 2;
  }

  /** Resets the delay after a success. */
  reset(): void {
    this.failures = 0;
  }
}
