import { onAbort } from '../../runtime/abort.js';
import type { Clock } from '../../runtime/clock.js';

/** Ends waits for good, itself or with a signal. Listening to the signal for each of many short waits would cost more than they do. */
export class Closing {
  private readonly waits = new Set<() => void>();
  private readonly unlink: () => void;
  isOver = false;

  constructor(signal: AbortSignal) {
    this.isOver = signal.aborted;
    this.unlink = onAbort(signal, () => this.close());
  }

  add(endWait: () => void): void {
    this.waits.add(endWait);
  }

  delete(endWait: () => void): void {
    this.waits.delete(endWait);
  }

  close(): void {
    this.isOver = true;
    this.unlink();
    for (const endWait of [...this.waits]) endWait();
  }
}

/** Calls that wait for an event of a queue; first come, first served. */
export class Waiters {
  private readonly waiting = new Set<() => void>();

  constructor(private readonly clock: Clock) {}

  get size(): number {
    return this.waiting.size;
  }

  /** Resolves with `true` when released, with `false` after `timeoutMs` or at the end of `closing`. */
  wait(timeoutMs: number, closing: Closing): Promise<boolean> {
    if (closing.isOver) return Promise.resolve(false);
    return new Promise((resolve) => {
      const end = (answer: boolean): void => {
        this.waiting.delete(release);
        this.clock.clearTimer(timer);
        closing.delete(giveUp);
        resolve(answer);
      };
      const release = (): void => end(true);
      const giveUp = (): void => end(false);
      const timer = this.clock.setTimer(giveUp, timeoutMs, 'upkeep');
      closing.add(giveUp);
      this.waiting.add(release);
    });
  }

  /** Releases the longest wait; `false` when there is none. */
  releaseOne(): boolean {
    const [release] = this.waiting;
    release?.();
    return release !== undefined;
  }

  releaseAll(): void {
    if (this.waiting.size > 0) for (const release of [...this.waiting]) release();
  }
}
