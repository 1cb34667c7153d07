import type { Clock } from './clock.js';

/** A wake-up that cannot be missed: rung before somebody waits, it ends the next wait at once. For one waiter. */
export class Bell {
  private rung = false;
  private endWait: (() => void) | undefined;

  constructor(private readonly clock: Clock) {}

  /** Whether the next wait would end at once. */
  get isRung(): boolean {
    return this.rung;
  }

  ring(): void {
    this.rung = true;
    this.endWait?.();
  }

  /** Resolves when the bell is rung, after `timeoutMs` if given, or when `signal` aborts. Takes the ring with it. */
  async wait(signal: AbortSignal, timeoutMs?: number): Promise<void> {
    if (!this.rung && !signal.aborted) await this.nextRing(signal, timeoutMs);
    this.rung = false;
  }

  private nextRing(signal: AbortSignal, timeoutMs: number | undefined): Promise<void> {
    return new Promise((resolve) => {
      const finish = (): void => {
        if (timer !== undefined) this.clock.clearTimer(timer);
        signal.removeEventListener('abort', finish);
        this.endWait = undefined;
        resolve();
      };
      const timer = timeoutMs === undefined ? undefined : this.clock.setTimer(finish, timeoutMs);
      signal.addEventListener('abort', finish, { once: true });
      this.endWait = finish;
    });
  }
}
