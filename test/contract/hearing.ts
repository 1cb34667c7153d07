/** A listener that remembers what it heard, so that a test can wait for it. */
export class Hearing<T> {
  readonly heard: T[] = [];
  private readonly waiting: (() => void)[] = [];

  readonly listener = (value: T): void => {
    this.heard.push(value);
    for (const wake of this.waiting.splice(0)) wake();
  };

  /** Resolves when so many calls were heard. */
  async times(count: number): Promise<void> {
    while (this.heard.length < count) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }
}
