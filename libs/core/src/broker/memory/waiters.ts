import type { Clock } from '../../runtime/clock.js';

/** Calls that wait for an event of a queue; first come, first served. */
export class Waiters {
  private readonly waiting = new Set<() => void>();

  constructor(private readonly clock: Clock) {}

  get size(): number {
    return this.waiting.size;
  }

  /** Resolves with `true` when released, with `false` after `timeoutMs` or when `closed` aborts. */
  wait(timeoutMs: number, closed: AbortSignal): Promise<boolean> {
    if (closed.aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      const end = (answer: boolean): void => {
        this.waiting.delete(release);
        this.clock.clearTimer(timer);
        closed.removeEventListener('abort', giveUp);
        resolve(answer);
      };
      const release = (): void => end(true);
      const giveUp = (): void => end(false);
      const timer = this.clock.setTimer(giveUp, timeoutMs, 'upkeep');
      closed.addEventListener('abort', giveUp, { once: true });
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
