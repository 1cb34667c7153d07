/** A listener that records its calls, so that a test can wait for them. */
export class CallRecorder<T> {
  readonly calls: T[] = [];
  private readonly waiting: (() => void)[] = [];

  readonly listener = (value: T): void => {
    this.calls.push(value);
    for (const wake of this.waiting.splice(0)) wake();
  };

  /** Resolves after the given number of calls. */
  async times(count: number): Promise<void> {
    while (this.calls.length < count) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }
}
