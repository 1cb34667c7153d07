// Imported, so that a test's fake timers, which replace the globals, do not block tasks.
import { setImmediate } from 'node:timers';
import { type FetchReply, type LeaseOps, MOST_PASSED_OVER } from '../../../broker/contract/lease.js';
import type { NextFetch } from '../../../broker/contract/wake.js';
import { RedisCommandError } from '../../../errors/redis-command.error.js';
import { monotonicMs, type TimerHandle } from '../../../runtime/clock.js';
import { LogLimit } from '../../../runtime/log-limit.js';
import { queueMicrotask } from '../../../runtime/microtasks.js';
import type { Settler } from '../settling/settler.js';
import type { WorkSignal } from '../../watch/work-watcher.js';
import { HeldTasks } from './held-tasks.js';
import { Intake, type IntakeDeps } from './intake.js';
import { type Lane, PendingFetch } from './lane.js';
import { Lanes } from './lanes.js';
import { LimitedTasks } from './limited-tasks.js';
import type { QueueWeights } from './queue-weights.js';

/** Interval of fetches from a queue with offered tasks at its head, for which a peek returns at once; more for many of them. */
const OFFER_PACE_MS = 20;
const OFFER_PACE_PER_TASK_MS = 0.1;
/** A continuing failure is logged once per interval. */
const LOG_EVERY_MS = 30_000;
/** Most tasks of one fetch: with two under way, Redis and this process work on as many at a time. */
const LARGEST_FETCH = 500;
/** Most fetches of a queue under way. */
const MOST_FETCHES = 2;
/** Fewest tasks of a fetch that is sent before the last one is answered. */
const FEWEST_BESIDE = 100;
/** Tasks are fetched ahead when this share of those to hold is there or on its way, or less. */
const REFILL_SHARE = 0.75;
/** A fill looks at every lane that is awake: when there are more than this, one serves all replies of a turn of the event loop. */
const FEW_AWAKE = 16;

export interface ProcessorDeps extends IntakeDeps {
  readonly settler: Pick<Settler, 'room'>;
  readonly workSignal: WorkSignal;
}

export interface ProcessorSettings {
  readonly leaseMs: number;
  /** For how long tasks are held ahead, by the pace of the last moments; 0: none are. */
  readonly readAheadMs: number;
}

/** Keeps the slots full. Each queue has its own lane; no lane waits for another:
 *
 * 1. Each free slot draws a queue by weight from those that may have work. It begins a task that the queue's lane holds, or is
 * reserved for its fetch. One fetch per queue is pending at a time, and slots drawn during it are used by the next; while tasks
 * flow, there are two large ones, so that Redis works on the next tasks while this process works on the last ones.
 * 2. Slots that a fetch leaves empty are drawn again. A queue without work is watched, not polled; see {@link Lanes}.
 * 3. A slow fetch loses its slots to the other queues. If its reply then has more tasks than there are free slots, the
 * rest return to the head of the queue. Until a fetch of the queue is answered in time again, each fetch asks for one
 * task and reserves no slot.
 * 4. A fetch also asks for tasks to hold, as many as the lane will use up in the window of `readAhead`. Held tasks return to the
 * head of the queue when it is paused, when the server stops, when one of them has waited too long, and when a suspect comes. One
 * that is canceled ends without having begun.
 * 5. Queues and handlers may have limits of their own. A queue at its limit draws no slots. Tasks whose handler is at its limit
 * stay in the queue, and fetches pass over them; see {@link LimitedTasks}.
 *
 * Fetches of a queue pause in two cases: after a failure, for a growing delay; and when a signal arrives while tasks of
 * unknown type are at its head, briefly. Fetches pass over these, so that other servers find them there.
 */
export class Processor {
  private readonly lanes: Lanes;
  private readonly held: HeldTasks;
  private readonly limited: LimitedTasks;
  private readonly intake: Intake;
  private readonly logLimit: LogLimit;
  private restTimer: TimerHandle;
  private isStopped = false;
  private isPaused = false;
  private isDue = false;

  constructor(
    private readonly broker: Pick<LeaseOps, 'fetch'>,
    private readonly weights: QueueWeights,
    private readonly settings: ProcessorSettings,
    private readonly deps: ProcessorDeps,
  ) {
    this.lanes = new Lanes(settings.readAheadMs, deps.workSignal, deps.workers.limits);
    for (const queue of weights.queues) this.lanes.add(queue);
    this.held = new HeldTasks(this.lanes, settings.readAheadMs, () => this.fillSoon(), deps);
    this.limited = new LimitedTasks(this.lanes, weights, deps);
    this.intake = new Intake(this.held, this.limited, deps);
    this.logLimit = new LogLimit(deps.clock, LOG_EVERY_MS);
  }

  start(): void {
    const { workSignal, workers } = this.deps;
    workSignal.listen({
      onWork: (queue) => this.noteSignal(queue),
      nextFetch: (queue) => this.nextFetch(queue),
      onFetched: (queue, reply) => this.noteFetched(queue, reply),
    });
    workers.onFree = () => this.fillSoon();
    workers.onCancel = (isMeant) => this.held.cancel(isMeant);
    workers.onEnd = (queue, durationMs) => this.lanes.get(queue)?.readAhead.noteEnded(durationMs);
    this.countSilenceFromNow();
    this.fillSoon();
  }

  /**
   * Queues from which no fetch was answered for so long, although a slot is free: nothing is wrong with those that are empty. None
   * of a server that was stopped or paused, and no queue that is at a limit, or in which tasks are left to other servers.
   */
  quietQueues(forMs: number): string[] {
    const { workers, clock } = this.deps;
    if (this.isClosed || workers.free <= 0) return [];
    const beforeMs = monotonicMs(clock) - forMs;
    const mayFetch = (lane: Lane): boolean =>
      !lane.isPaused &&
      !lane.hasPassed &&
      (lane.limit?.room ?? Infinity) > 0 &&
      workers.leftToOthers(lane.queue).length === 0;
    const quiet = [...this.lanes.every].filter((lane) => lane.answeredAtMs < beforeMs && mayFetch(lane));
    return quiet.map(({ queue }) => queue);
  }

  /** Takes tasks from one more queue. */
  serve(queue: string): void {
    this.lanes.add(queue);
    this.lanes.get(queue)!.answeredAtMs = monotonicMs(this.deps.clock);
    this.fillSoon();
  }

  /**
   * Stops fetching, and returns what is held. Waits for pending fetches, whose tasks still run, but not for a slow one: its tasks
   * return to their queue.
   */
  async stop(): Promise<void> {
    const { clock, workers, workSignal } = this.deps;
    if (!this.isStopped) workSignal.setFree(false); // a leader that takes no tasks would withhold them from others
    this.isStopped = true;
    clock.clearTimer(this.restTimer);
    this.held.stop();
    await this.fetchesUnderWay();
    await workers.stop();
  }

  /**
   * Takes no tasks until {@link resume}, and returns what is held. Resolves when none of those that were being fetched has still to
   * begin.
   */
  async pause(): Promise<void> {
    this.isPaused = true;
    this.held.returnAnswered();
    this.lanes.rest(true); // others take the tasks
    await this.fetchesUnderWay();
  }

  resume(): void {
    this.isPaused = false;
    this.countSilenceFromNow();
    this.fillSoon();
  }

  private countSilenceFromNow(): void {
    for (const lane of this.lanes.every) lane.answeredAtMs = monotonicMs(this.deps.clock);
  }

  private async fetchesUnderWay(): Promise<void> {
    const fetches: PendingFetch[] = [];
    for (const lane of this.lanes.awake) {
      if (lane.isSick) lane.waitNoLonger();
      fetches.push(...lane.fetches);
    }
    await Promise.all(fetches.map(({ awaited }) => awaited));
  }

  /** No more tasks begin. */
  private get isClosed(): boolean {
    return this.isStopped || this.isPaused;
  }

  /** Runs once for all slots that become free together. */
  private fillSoon(): void {
    if (this.isDue || this.isClosed) return;
    this.isDue = true;
    if (!this.held.isRowFull && this.lanes.awake.size <= FEW_AWAKE) queueMicrotask(() => this.fillNow());
    else setImmediate(() => this.fillNow());
  }

  private fillNow(): void {
    this.isDue = false;
    if (!this.isClosed) this.fill();
  }

  private fill(): void {
    const nowMs = monotonicMs(this.deps.clock);
    const { workers } = this.deps;
    const unsure = workers.free > 0 ? this.lanes.beginRound(nowMs, this.weights.isStrict) : [];
    if (unsure.length > 0) void this.ask(unsure);
    if (this.limited.isUsed) this.limited.release();
    workers.mostWaiting = this.planReadAhead(nowMs);
    this.draw(nowMs);
    for (const lane of this.lanes.awake) while (this.fetchFor(lane, nowMs));
    for (const lane of this.lanes.awake) if (lane.held.length > 0) this.beginHeld(lane);
    this.dropDrawn(nowMs);
    const isFull = workers.free <= 0;
    if (!isFull) this.noteStarved();
    if (this.limited.isUsed) this.limited.tellRoom();
    this.lanes.rest(isFull);
    this.wakeAfterRest(nowMs);
  }

  /** Asks empty queues together whether they have tasks by now; their fetches would hold slots that others have tasks for. */
  private async ask(lanes: readonly Lane[]): Promise<void> {
    const filled = new Set(await this.deps.workSignal.filledAmong(lanes.map(({ queue }) => queue)));
    for (const lane of lanes) if (filled.has(lane.queue)) this.lanes.wake(lane);
    if (filled.size > 0) this.fillSoon();
  }

  /** Slots that a lane drew for tasks which it no longer has are drawn again. */
  private dropDrawn(nowMs: number): void {
    for (const lane of this.lanes.awake) {
      if (lane.drawn === 0 || this.mayDraw(lane, nowMs)) continue;
      lane.drawn = 0;
      this.fillSoon();
    }
  }

  private noteStarved(): void {
    for (const { isFetching, held, readAhead } of this.lanes.awake) {
      if (isFetching && held.length === 0) readAhead.noteStarved(monotonicMs(this.deps.clock));
    }
  }

  /** Sets the number of tasks to hold in each lane, and returns their sum. */
  private planReadAhead(nowMs: number): number {
    const isAllowed = !this.deps.workers.isLimited && nowMs >= this.intake.readsAheadFromMs;
    let sum = 0;
    for (const lane of this.lanes.awake) {
      lane.mostHeld = lane.readAhead.target(nowMs);
      if (!isAllowed || lane.hasPassed) lane.mostHeld = 0;
      sum += lane.mostHeld;
    }
    return sum;
  }

  private mayDraw(lane: Lane, nowMs: number): boolean {
    if (this.deps.settler.room(lane.queue) <= 0 || this.limited.isBlocked(lane)) return false;
    return lane.held.length > 0 || (!lane.isSick && !lane.isEmpty && lane.returning === 0 && !lane.isResting(nowMs));
  }

  private draw(nowMs: number): void {
    const served: string[] = [];
    for (const lane of this.lanes.awake) {
      if (!this.mayDraw(lane, nowMs)) lane.drawn = 0;
      else if (!lane.limit || this.limited.roomOf(lane) > 0) served.push(lane.queue);
    }
    if (served.length === 0) return;
    let free = this.freeSlots();
    if (free < 0) {
      for (const lane of this.lanes.awake) lane.drawn = 0; // slots were drawn that a suspect took
      free = this.freeSlots();
    }
    if (free <= 0) return;
    if (this.limited.hasQueueLimits) return this.limited.share(free, served);
    for (const [queue, share] of this.weights.share(free, served)) this.lanes.get(queue)!.drawn += share;
  }

  /** Not taken by a task, an outcome or a lane. */
  private freeSlots(): number {
    let free = this.deps.workers.free;
    for (const { drawn, reserved } of this.lanes.awake) free -= drawn + reserved;
    return free;
  }

  /** Returns whether a fetch was sent. */
  private fetchFor(lane: Lane, nowMs: number): boolean {
    if (lane.isEmpty || lane.returning > 0 || lane.isResting(nowMs)) return false;
    if (lane.isFetching && !this.isFlowing(lane)) return false;
    if (lane.isSick && lane.limit && this.limited.roomOf(lane) <= 0) return false;
    const room = this.deps.settler.room(lane.queue);
    const forHeld = Math.min(lane.drawn, lane.held.length);
    const most = Math.min(this.limited.mostToFetch(lane), LARGEST_FETCH);
    const wanted = lane.isSick ? Math.min(1, this.deps.workers.free) : lane.drawn - forHeld;
    const slots = Math.max(0, Math.min(wanted, room, most));
    const ahead = Math.min(this.aheadOf(lane, room - forHeld - slots), most - slots);
    if (slots + ahead < (lane.isFetching ? FEWEST_BESIDE : 1)) return false;
    lane.drawn = Math.max(forHeld, Math.min(lane.drawn, room) - slots);
    lane.isSignaled = false;
    lane.askedAtMs = nowMs;
    lane.passed?.noteAsked();
    const fetch = new PendingFetch(slots + ahead, lane.isSick ? 0 : slots, ahead, nowMs);
    lane.fetches.add(fetch);
    void this.fetch(lane, fetch);
    return true;
  }

  /** Whether a second fetch may be sent before the first is answered: the queue has more tasks, and all of them may run. */
  private isFlowing(lane: Lane): boolean {
    if (lane.fetches.size >= MOST_FETCHES || lane.remaining <= lane.asked || lane.isSick) return false;
    return this.mayRunAny(lane.queue);
  }

  /** Whether a free slot may take any task of the queue: no limit, no suspect and no task that is left to others is in the way. */
  private mayRunAny(queue: string): boolean {
    const { workers } = this.deps;
    return !this.limited.isUsed && !workers.isLimited && workers.leftToOthers(queue).length === 0;
  }

  /** How many tasks to fetch in addition to those for free slots. */
  private aheadOf(lane: Lane, room: number): number {
    const { mostHeld, held, askedAhead, isSick } = lane;
    const count = held.length + askedAhead;
    if (isSick || count > REFILL_SHARE * mostHeld || (this.weights.isStrict && this.hasBetter(lane))) return 0;
    return Math.max(0, Math.min(mostHeld - count, room));
  }

  /** Whether a queue of higher weight may have work. */
  private hasBetter(lane: Lane): boolean {
    for (const other of this.lanes.awake) {
      if (!other.isEmpty && this.weights.isBetter(other.queue, lane.queue)) return true;
    }
    return false;
  }

  /** Never rejects. */
  private async fetch(lane: Lane, fetch: PendingFetch): Promise<void> {
    const { clock } = this.deps;
    const { limit } = fetch;
    const patience = { timer: undefined as TimerHandle };
    if (fetch.reserved > 0 && this.lanes.count > 1) {
      // Checks twice: the reply may have arrived while the event loop was busy.
      patience.timer = clock.setTimer(() => {
        patience.timer = clock.setTimer(() => this.losePatience(lane), 0);
      }, lane.patienceMs);
    }
    try {
      const left = this.deps.workers.leftToOthers(lane.queue);
      const passOver = lane.hasPassed ? [...left, ...lane.passed!.ids].slice(0, MOST_PASSED_OVER) : left;
      const reply = await this.broker.fetch(lane.queue, limit, this.settings.leaseMs, passOver, this.withSince);
      const mayRun = !this.isClosed || fetch.isAwaited;
      const nowMs = monotonicMs(clock);
      lane.noteAnswer(nowMs - fetch.askedAtMs);
      lane.answeredAtMs = nowMs;
      lane.readAhead.noteFed(nowMs);
      if (this.limited.isUsed) this.limited.noteAnswered(lane, passOver.length, limit, reply);
      const offered = left.length === 0 ? 0 : (reply.passedOver ?? 0);
      const room = mayRun ? this.roomFor(lane, fetch) : 0;
      const ahead = !this.isClosed ? fetch.ahead : mayRun ? Infinity : 0; // closed: all return together
      this.intake.take(lane, reply, { offered, room, ahead });
    } catch (error) {
      lane.passed?.noteAnswered();
      this.noteTrouble(lane, fetch, error);
    }
    lane.fetches.delete(fetch);
    if (this.isClosed) this.held.returnAnswered();
    clock.clearTimer(patience.timer);
    fetch.waitNoLonger();
    this.fillSoon();
  }

  private losePatience(lane: Lane): void {
    lane.isSick = true;
    lane.release();
    if (this.isClosed) this.held.returnAnswered();
    lane.waitNoLonger();
    this.fillSoon();
  }

  /** Whether somebody listens to events, of which some say for how long a task has waited. */
  private get withSince(): boolean {
    const { emit } = this.deps;
    return emit !== undefined && emit.isIdle !== true;
  }

  /** Nothing is fetched behind the back of a lane that has tasks to pass over, or a limit, or that waits for a fetch. */
  private nextFetch(queue: string): NextFetch | undefined {
    const lane = this.lanes.get(queue);
    if (!lane || this.isClosed || lane.isFetching || lane.returning > 0 || this.freeSlots() <= 0) return undefined;
    if (this.weights.isStrict || !this.mayRunAny(queue)) return undefined;
    return { leaseMs: this.settings.leaseMs, withSince: this.withSince };
  }

  /** Its watcher has fetched the first task of a queue that was empty. Without a free slot by now it returns there. */
  private noteFetched(queue: string, reply: FetchReply): void {
    const lane = this.lanes.get(queue);
    if (!lane) return;
    this.lanes.wake(lane);
    lane.isWoken = true;
    lane.answeredAtMs = monotonicMs(this.deps.clock);
    const room = this.isClosed ? 0 : Math.max(0, this.freeSlots());
    this.intake.take(lane, reply, { offered: 0, room, ahead: 0 });
    this.fillSoon();
  }

  /** Slots for the tasks of a fetch that has been answered. */
  private roomFor(lane: Lane, { reserved }: PendingFetch): number {
    const room = reserved + Math.max(0, this.freeSlots());
    return lane.limit ? Math.min(room, reserved + Math.max(0, this.limited.roomOf(lane))) : room;
  }

  /** Begins held tasks in the slots that were drawn for them; a single lane also in those that become free at once. */
  private beginHeld(lane: Lane): void {
    const isSingle = this.lanes.awake.size === 1;
    while (lane.held.length > 0 && !this.held.isRowFull) {
      if (lane.drawn > 0) lane.drawn -= 1;
      else if (!isSingle || this.freeSlots() <= 0 || (lane.limit && this.limited.roomOf(lane) <= 0)) return;
      this.held.beginNext(lane);
    }
    if (lane.held.length > 0) this.fillSoon();
  }

  private noteTrouble(lane: Lane, fetch: PendingFetch, error: unknown): void {
    lane.release();
    lane.noteReturn(); // it may have taken tasks, which return before the next fetch
    if (fetch.askedAtMs <= lane.failedAtMs) return; // one that was under way with it has failed already
    const pauseMs = lane.noteFailure(monotonicMs(this.deps.clock));
    if (!this.logLimit.allows(lane.queue)) return;
    const level = error instanceof RedisCommandError && !error.isTransient ? 'error' : 'warn';
    const text = `cannot fetch tasks; next attempt in ${Math.round(pauseMs)} ms`;
    this.deps.logger[level](text, { queue: lane.queue, error });
  }

  /** The queue may have work. */
  private noteSignal(queue: string): void {
    const lane = this.lanes.get(queue);
    if (!lane || this.isStopped) return;
    this.lanes.wake(lane);
    lane.isSignaled = true;
    lane.isWoken = true;
    if (this.weights.isStrict) this.lanes.wakeAll();
    if (lane.offered > 0) {
      const pauseMs = OFFER_PACE_MS + lane.offered * OFFER_PACE_PER_TASK_MS;
      lane.restsUntilMs = Math.max(lane.restsUntilMs, monotonicMs(this.deps.clock) + pauseMs);
    }
    this.fillSoon();
  }

  private wakeAfterRest(nowMs: number): void {
    let untilMs = Infinity;
    for (const lane of this.lanes.awake) {
      if (lane.isResting(nowMs)) untilMs = Math.min(untilMs, lane.restsUntilMs);
    }
    this.deps.clock.clearTimer(this.restTimer);
    this.restTimer = undefined;
    if (untilMs < Infinity) this.restTimer = this.deps.clock.setTimer(() => this.fillSoon(), untilMs - nowMs);
  }
}
