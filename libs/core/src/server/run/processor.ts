import { type FetchReply, type LeaseOps, type LeasedTask, MOST_PER_FETCH } from '../../broker/contract/lease.js';
import { type Clock, monotonicMs, type TimerHandle } from '../../runtime/clock.js';
import { LogLimit } from '../../runtime/log-limit.js';
import type { Logger } from '../../runtime/logger.js';
import type { LeaseHandle, TrackedTask } from '../leases/lease-handle.js';
import type { RunningLeases } from '../leases/running-leases.js';
import type { WorkSignal } from '../watch/work-watcher.js';
import { attemptDeadlineMs } from './attempt-deadline.js';
import { Lane } from './lane.js';
import type { QueueWeights } from './queue-weights.js';
import type { Settler } from './settler.js';
import type { WorkerPool } from './worker-pool.js';

/** Shortest time between two fetches from an empty queue while other queues have work. */
const ASK_EMPTY_EVERY_MS = 20;
/** How often a full server, which watches no queues, fetches from a paused one. */
const ASK_PAUSED_EVERY_MS = 1_000;
/** Time between two fetches of a queue at whose head are tasks that are left to others: a peek would answer at once. */
const OFFER_PACE_MS = 20;
/** A lasting failure is logged once in this time. */
const LOG_EVERY_MS = 30_000;

export interface ProcessorDeps {
  readonly workers: WorkerPool;
  readonly settler: Pick<Settler, 'room'>;
  readonly runningLeases: Pick<RunningLeases, 'track'>;
  readonly workSignal: WorkSignal;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Keeps the slots full. Each queue has a lane of its own; no lane waits for another:
 *
 * 1. Each free slot draws a queue by weight from those that may have work, and is kept free for its fetch. One fetch per
 *    queue is under way at a time; slots drawn meanwhile go with the next.
 * 2. Slots that a fetch leaves empty are drawn again. A queue without work is watched, not polled, as long as a slot is
 *    free. After all slots were taken, the next free slot fetches from empty queues too, since they were not watched.
 * 3. A fetch that takes long loses its slots to the other queues. If its reply still comes and brings more than there
 *    are free slots, the rest goes back to the head of the queue. Until a fetch of the queue is answered in time again,
 *    it is asked for one task at a time, for which no slot is kept free.
 *
 * Two things make a queue rest. It fails: for a growing pause. Or a signal comes while tasks lie at its head that are
 * left to other servers, since nobody here knows their types: for a moment, so that they can be taken. They are fetched
 * on top of those that there are slots for, and do not hold those up.
 */
export class Processor {
  private readonly lanes: ReadonlyMap<string, Lane>;
  private readonly logLimit: LogLimit;
  private restTimer: TimerHandle;
  private isStopped = false;
  private isDue = false;
  /** No slot was free at the last check. */
  private isFull = false;

  constructor(
    private readonly broker: Pick<LeaseOps, 'fetch'>,
    private readonly weights: QueueWeights,
    private readonly leaseMs: number,
    private readonly deps: ProcessorDeps,
  ) {
    this.lanes = new Map(weights.queues.map((queue) => [queue, new Lane(queue)]));
    this.logLimit = new LogLimit(deps.clock, LOG_EVERY_MS);
  }

  start(): void {
    this.deps.workSignal.onWork((queue) => this.noteSignal(queue));
    this.deps.workers.onFree = () => this.fillSoon();
    this.fillSoon();
  }

  /**
   * Fetches no more. Waits for the fetches under way, whose tasks still run, but not for a slow one: its tasks go back to
   * their queue.
   */
  async stop(): Promise<void> {
    if (!this.isStopped) this.deps.workSignal.setFree(false); // a leader that takes no tasks would keep them from others
    this.isStopped = true;
    this.deps.clock.clearTimer(this.restTimer);
    const awaited = [...this.lanes.values()].filter(({ isSick }) => !isSick);
    await Promise.all(awaited.map(({ fetched }) => fetched));
  }

  /** Runs once for all slots that become free together. */
  private fillSoon(): void {
    if (this.isDue || this.isStopped) return;
    this.isDue = true;
    queueMicrotask(() => {
      this.isDue = false;
      if (!this.isStopped) this.fill();
    });
  }

  private fill(): void {
    const nowMs = monotonicMs(this.deps.clock);
    if (this.isFull && this.deps.workers.free > 0) this.beginRound(nowMs);
    this.draw(nowMs);
    for (const lane of this.lanes.values()) this.fetchFor(lane, nowMs);
    this.noteSlots();
    this.wakeAfterRest(nowMs);
  }

  /** Slots are free again: queues that were found empty may have work by now. */
  private beginRound(nowMs: number): void {
    const lanes = [...this.lanes.values()];
    const isBusy = lanes.some((lane) => !lane.isEmpty && !lane.isSick);
    for (const lane of lanes) {
      const pauseMs = lane.isPaused ? ASK_PAUSED_EVERY_MS : isBusy && !this.weights.isStrict ? ASK_EMPTY_EVERY_MS : 0;
      if (nowMs - lane.askedAtMs >= pauseMs) lane.isEmpty = false;
    }
  }

  private draw(nowMs: number): void {
    const mayDraw = (lane: Lane): boolean =>
      !lane.isSick && !lane.isEmpty && !lane.isResting(nowMs) && this.deps.settler.room(lane.queue) > 0;
    for (const lane of this.lanes.values()) if (!mayDraw(lane)) lane.drawn = 0;
    const free = this.freeSlots();
    if (free <= 0) return;
    const shares = this.weights.share(free, (queue) => mayDraw(this.lanes.get(queue)!));
    for (const [queue, share] of shares) this.lanes.get(queue)!.drawn += share;
  }

  /** Not taken by a task, an outcome or a lane. */
  private freeSlots(): number {
    let free = this.deps.workers.free;
    for (const { drawn, reserved } of this.lanes.values()) free -= drawn + reserved;
    return free;
  }

  private fetchFor(lane: Lane, nowMs: number): void {
    if (lane.isFetching || lane.isEmpty || lane.isResting(nowMs)) return;
    const room = this.deps.settler.room(lane.queue);
    const limit = lane.isSick ? Math.min(1, room, this.deps.workers.free) : Math.min(lane.drawn, room, MOST_PER_FETCH);
    if (limit <= 0) return;
    lane.reserved = lane.isSick ? 0 : limit;
    lane.drawn = Math.max(0, Math.min(lane.drawn, room) - limit);
    lane.isFetching = true;
    lane.isSignaled = false;
    lane.askedAtMs = nowMs;
    lane.fetched = new Promise((resolve) => (lane.waitNoLonger = resolve));
    void this.fetch(lane, Math.min(limit + lane.offered, MOST_PER_FETCH));
  }

  /** Never rejects. */
  private async fetch(lane: Lane, limit: number): Promise<void> {
    const { clock } = this.deps;
    const patience = { timer: undefined as TimerHandle };
    if (lane.reserved > 0 && this.lanes.size > 1) {
      // Checks twice: the reply may be here already, and only the event loop was busy.
      patience.timer = clock.setTimer(() => {
        patience.timer = clock.setTimer(() => this.losePatience(lane), 0);
      }, lane.patienceMs);
    }
    try {
      const reply = await this.broker.fetch(lane.queue, limit, this.leaseMs);
      const mayRun = !(this.isStopped && lane.isSick);
      lane.noteAnswer(monotonicMs(clock) - lane.askedAtMs);
      this.take(lane, reply, mayRun);
    } catch (error) {
      this.noteTrouble(lane, error);
    }
    clock.clearTimer(patience.timer);
    lane.isFetching = false;
    lane.reserved = 0;
    lane.waitNoLonger();
    this.fillSoon();
  }

  private losePatience(lane: Lane): void {
    lane.isSick = true;
    lane.release();
    lane.waitNoLonger();
    this.fillSoon();
  }

  private take(lane: Lane, { tasks, isPaused, remaining }: FetchReply, mayRun: boolean): void {
    const { workSignal } = this.deps;
    lane.isPaused = isPaused;
    lane.isEmpty = remaining === 0 && !lane.isSignaled;
    if (isPaused) workSignal.reportPaused(lane.queue);
    this.launch(lane, tasks, mayRun ? lane.reserved + Math.max(0, this.freeSlots()) : 0);
    // Idle servers are woken once per signal: later fetches bring nothing new.
    if (lane.isWoken && remaining > 0) workSignal.reportRemaining(lane.queue, remaining);
    lane.isWoken = false;
  }

  /** Runs the tasks that have slots; the rest, which came too late for theirs, goes back. */
  private launch(lane: Lane, tasks: readonly LeasedTask[], room: number): void {
    const { workers, workSignal } = this.deps;
    if (tasks.length === 0) {
      lane.offered = 0;
      return;
    }
    const startedAtMs = this.deps.clock.nowMs();
    const tracked = tasks.map((task): TrackedTask => {
      return { task, startedAtMs, deadlineMs: attemptDeadlineMs(task.message, startedAtMs) };
    });
    const leases: readonly LeaseHandle[] = this.deps.runningLeases.track(tracked);
    let started = 0;
    lane.offered = 0;
    const tell = (): void => workSignal.reportRemaining(lane.queue, lane.offered);
    tracked.forEach((task, index) => {
      const lease = leases[index]!;
      if (workers.leaveToOthers(task, lease, tell)) lane.offered += 1;
      else if (started++ < room) workers.run(task, lease);
      else workers.giveBack(task, lease);
    });
  }

  private noteTrouble(lane: Lane, error: unknown): void {
    lane.release();
    const pauseMs = lane.noteFailure(monotonicMs(this.deps.clock));
    if (!this.logLimit.allows(lane.queue)) return;
    this.deps.logger.warn(`cannot fetch tasks; next try in ${Math.round(pauseMs)} ms`, { queue: lane.queue, error });
  }

  /** The queue may have work. */
  private noteSignal(queue: string): void {
    const lane = this.lanes.get(queue);
    if (!lane || this.isStopped) return;
    lane.isEmpty = false;
    lane.isSignaled = true;
    lane.isWoken = true;
    if (this.weights.isStrict) for (const other of this.lanes.values()) other.isEmpty = false;
    if (lane.offered > 0) lane.restsUntilMs = Math.max(lane.restsUntilMs, monotonicMs(this.deps.clock) + OFFER_PACE_MS);
    this.fillSoon();
  }

  /** With a free slot, empty queues are watched. Without one, other servers should take their tasks. */
  private noteSlots(): void {
    const { workers, workSignal } = this.deps;
    this.isFull = workers.free <= 0;
    workSignal.setFree(!this.isFull);
    for (const { queue, isEmpty, isFetching } of this.lanes.values()) {
      if (this.isFull) workSignal.unwatch(queue);
      else if (isEmpty && !isFetching) workSignal.watch(queue);
    }
  }

  private wakeAfterRest(nowMs: number): void {
    let untilMs = Infinity;
    for (const lane of this.lanes.values()) {
      if (lane.isResting(nowMs)) untilMs = Math.min(untilMs, lane.restsUntilMs);
    }
    this.deps.clock.clearTimer(this.restTimer);
    this.restTimer = undefined;
    if (untilMs < Infinity) this.restTimer = this.deps.clock.setTimer(() => this.fillSoon(), untilMs - nowMs);
  }
}
