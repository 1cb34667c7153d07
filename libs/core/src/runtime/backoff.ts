/** Growing pauses between tries of something that fails: doubling, with jitter, up to a limit. */
export class Backoff {
  private failures = 0;

  /**
   * @param firstMs about how long to wait after the first failure
   * @param longestMs where the doubling ends
   * @param random from 0 up to 1; replaced in tests
   */
  constructor(
    private readonly firstMs: number,
    private readonly longestMs: number,
    private readonly random: () => number = Math.random,
  ) {}

  /** Counts a failure and says how long to wait now: half of the step for sure, the rest by chance. */
  nextMs(): number {
    const stepMs = Math.min(this.firstMs * 2 ** Math.min(this.failures++, 30), this.longestMs);
    return stepMs / 2 + (this.random() * stepMs) / 2;
  }

  /** It worked: start small again next time. */
  reset(): void {
    this.failures = 0;
  }
}
