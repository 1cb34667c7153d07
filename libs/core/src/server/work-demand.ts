import { Bell } from '../runtime/bell.js';
import type { Clock } from '../runtime/clock.js';

/** Whether this server wants work right now: the processor writes it, the watchers of all queues read it. */
export class WorkDemand {
  private readonly bell: Bell;
  private waiting = false;
  private fullSinceMs: number | undefined;

  constructor(private readonly clock: Clock) {
    this.bell = new Bell(clock);
  }

  /** The processor found its queues empty and waits. Only then is a queue worth watching. */
  get isWaiting(): boolean {
    return this.waiting;
  }

  get hasFreeSlots(): boolean {
    return this.fullSinceMs === undefined;
  }

  /** How long every slot has been taken, without a break; 0 while one is free. */
  fullForMs(): number {
    return this.fullSinceMs === undefined ? 0 : this.clock.nowMs() - this.fullSinceMs;
  }

  setFree(hasFreeSlots: boolean): void {
    this.fullSinceMs = hasFreeSlots ? undefined : (this.fullSinceMs ?? this.clock.nowMs());
  }

  /** There may be work: ends the wait, or the next one. */
  signal(): void {
    this.waiting = false; // at once, or a watcher would look again before the processor has run
    this.bell.ring();
  }

  /** Waits for a signal or `abort`; `onWaiting` is called unless a signal is there already. */
  async wait(abort: AbortSignal, onWaiting: () => void): Promise<void> {
    if (!this.bell.isRung && !abort.aborted) {
      this.waiting = true;
      onWaiting();
    }
    await this.bell.wait(abort);
    this.waiting = false;
  }
}
