import type { Clock, TimerPurpose } from './clock.js';

/** A wake-up that cannot be missed: when sent before the wait begins, it ends that wait at once. For one waiter. */
export class WakeSignal {
  private isSent = false;
  private endWait: (() => void) | undefined;
  /** Waits are short, and the signal is the same for most of them: it is listened to once. */
  private heard: WeakRef<AbortSignal> | undefined;

  constructor(private readonly clock: Clock) {}

  send(): void {
    this.isSent = true;
    this.endWait?.();
  }

  /** Resolves when the signal is sent, after `timeoutMs` if given, or when `signal` aborts. Consumes the signal. */
  async wait(signal: AbortSignal, timeoutMs?: number, purpose?: TimerPurpose): Promise<void> {
    if (!this.isSent && !signal.aborted) await this.nextSignal(signal, timeoutMs, purpose);
    this.isSent = false;
  }

  private nextSignal(signal: AbortSignal, timeoutMs: number | undefined, purpose?: TimerPurpose): Promise<void> {
    return new Promise((resolve) => {
      const finish = (): void => {
        if (timer !== undefined) this.clock.clearTimer(timer);
        this.endWait = undefined;
        resolve();
      };
      const timer = timeoutMs === undefined ? undefined : this.clock.setTimer(finish, timeoutMs, purpose);
      this.endWait = finish;
      this.listenTo(signal);
    });
  }

  private listenTo(signal: AbortSignal): void {
    if (this.heard?.deref() === signal) return;
    this.heard = new WeakRef(signal);
    signal.addEventListener('abort', () => this.heard?.deref() === signal && this.endWait?.(), { once: true });
  }
}
