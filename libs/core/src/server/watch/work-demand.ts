import type { Clock, TimerHandle } from '../../runtime/clock.js';

/** How long all slots must be taken before other servers should watch instead. Shorter is normal load. */
const FULL_AFTER_MS = 1_000;

/** The queues from which this server wants work now: the processor writes it, the watcher of each queue reads it. */
export class WorkDemand {
  private readonly watched = new Set<string>();
  private slots: 'free' | 'taken' | 'full' = 'free';
  private fullTimer: TimerHandle;
  /** Called with a queue that may have work; spurious calls happen. */
  onWork: (queue: string) => void = () => undefined;

  /** @param onFull called when all slots have been taken for a while */
  constructor(
    private readonly clock: Clock,
    private readonly onFull: () => void,
  ) {}

  /** The processor found the queue empty, and has a slot for its next task. Only then is it worth watching. */
  isWatched(queue: string): boolean {
    return this.watched.has(queue);
  }

  watch(queue: string): void {
    this.watched.add(queue);
  }

  unwatch(queue: string): void {
    this.watched.delete(queue);
  }

  get hasFreeSlots(): boolean {
    return this.slots === 'free';
  }

  /** All slots have been taken for a second without interruption. */
  get isFull(): boolean {
    return this.slots === 'full';
  }

  setFree(hasFreeSlots: boolean): void {
    if (hasFreeSlots === this.hasFreeSlots) return;
    this.slots = hasFreeSlots ? 'free' : 'taken';
    if (hasFreeSlots) this.clock.clearTimer(this.fullTimer);
    else this.fullTimer = this.clock.setTimer(() => this.becomeFull(), FULL_AFTER_MS);
  }

  /** The queue may have work. */
  signal(queue: string): void {
    this.watched.delete(queue); // at once: otherwise its watcher would peek again before the processor has run
    this.onWork(queue);
  }

  private becomeFull(): void {
    this.slots = 'full';
    this.onFull();
  }
}
