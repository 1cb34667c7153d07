import type { FetchReply } from '../../broker/contract/lease.js';
import type { NextFetch } from '../../broker/contract/wake.js';
import type { Clock, TimerHandle } from '../../runtime/clock.js';

/** How long all slots must be taken before other servers should watch instead. Shorter is normal load. */
const FULL_AFTER_MS = 1_000;

/** What the processor is told, and asked. */
export interface WorkListener {
  /** The queue may have work; spurious calls happen. */
  onWork(queue: string): void;
  /** How to fetch the next task of a queue that was found empty, at the moment it comes; `undefined`: do not. */
  nextFetch(queue: string): NextFetch | undefined;
  /** Such a fetch was answered. */
  onFetched(queue: string, reply: FetchReply): void;
}

/** The queues from which this server wants work now: the processor writes it, the watcher of each queue reads it. */
export class WorkDemand {
  private readonly watched = new Set<string>();
  private slots: 'free' | 'taken' | 'full' = 'free';
  private fullTimer: TimerHandle;
  /** Queues of which as many tasks run as may, and whether that has been so for a while. */
  private readonly capped = new Map<string, { isFull: boolean; readonly timer: TimerHandle }>();
  /** Queues at whose heads tasks stay that this server leaves there for now. */
  private readonly passed = new Set<string>();
  listener: WorkListener = { onWork: () => undefined, nextFetch: () => undefined, onFetched: () => undefined };

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

  /** Whether a task of the queue could begin now. */
  hasRoom(queue: string): boolean {
    return this.hasFreeSlots && !this.capped.has(queue);
  }

  /** For a second without interruption no task of the queue could begin. */
  isFull(queue: string): boolean {
    return this.slots === 'full' || (this.capped.get(queue)?.isFull ?? false);
  }

  /** Whether the queue itself allows another task to run. */
  setRoom(queue: string, hasRoom: boolean): void {
    const capped = this.capped.get(queue);
    if (hasRoom === !capped) return;
    if (capped) {
      this.clock.clearTimer(capped.timer);
      this.capped.delete(queue);
      return;
    }
    const timer = this.clock.setTimer(() => {
      this.capped.get(queue)!.isFull = true;
      this.onFull();
    }, FULL_AFTER_MS);
    this.capped.set(queue, { isFull: false, timer });
  }

  /** Whether a look at the pending list would return at once, because of tasks that stay there. */
  isPassing(queue: string): boolean {
    return this.passed.has(queue);
  }

  get passing(): readonly string[] {
    return [...this.passed];
  }

  setPassing(queue: string, isPassing: boolean): void {
    if (isPassing) this.passed.add(queue);
    else this.passed.delete(queue);
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
    this.listener.onWork(queue);
  }

  /** See {@link WorkListener.nextFetch}. */
  nextFetch(queue: string): NextFetch | undefined {
    return this.listener.nextFetch(queue);
  }

  /** A fetch by its watcher was answered. */
  deliver(queue: string, reply: FetchReply): void {
    this.watched.delete(queue);
    this.listener.onFetched(queue, reply);
  }

  private becomeFull(): void {
    this.slots = 'full';
    this.onFull();
  }
}
