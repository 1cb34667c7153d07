import { RequestError } from './request.error.js';

/** Lets a few pieces of work run at once, some wait, and refuses more: no page can keep the app from its work. */
export class WorkLimit {
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(
    private readonly mostRunning: number,
    private readonly mostWaiting: number,
  ) {}

  /** @throws {RequestError} too much is asked at once */
  checkRoom(): void {
    if (this.running < this.mostRunning || this.waiting.length < this.mostWaiting) return;
    throw new RequestError(429, 'BUSY', 'too much is asked at once: try again in a moment');
  }

  /** @throws {RequestError} too much is asked at once */
  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    this.checkRoom();
    if (this.running >= this.mostRunning) await new Promise<void>((resolve) => this.waiting.push(resolve));
    this.running += 1;
    try {
      return await work();
    } finally {
      this.running -= 1;
      this.waiting.shift()?.();
    }
  }
}
