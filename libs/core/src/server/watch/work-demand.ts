import { Bell } from '../../runtime/bell.js';
import type { Clock, TimerHandle } from '../../runtime/clock.js';

/** How long every slot must be taken before others should watch in this server's place. Shorter is ordinary load. */
const FULL_AFTER_MS = 1_000;

/** Whether this server wants work right now: the processor writes it, the watchers of all queues read it. */
export class WorkDemand {
  private readonly bell: Bell;
  private waiting = false;
  private slots: 'free' | 'taken' | 'full' = 'free';
  private fullTimer: TimerHandle;

  /** @param onFull called when every slot has been taken for a while */
  constructor(
    private readonly clock: Clock,
    private readonly onFull: () => void,
  ) {
    this.bell = new Bell(clock);
  }

  /** The processor found its queues empty and waits. Only then is a queue worth watching. */
  get isWaiting(): boolean {
    return this.waiting;
  }

  get hasFreeSlots(): boolean {
    return this.slots === 'free';
  }

  /** Every slot has been taken for a second, without a break. */
  get isFull(): boolean {
    return this.slots === 'full';
  }

  setFree(hasFreeSlots: boolean): void {
    if (hasFreeSlots === this.hasFreeSlots) return;
    this.slots = hasFreeSlots ? 'free' : 'taken';
    if (hasFreeSlots) this.clock.clearTimer(this.fullTimer);
    else this.fullTimer = this.clock.setTimer(() => this.becomeFull(), FULL_AFTER_MS);
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

  private becomeFull(): void {
    this.slots = 'full';
    this.onFull();
  }
}
