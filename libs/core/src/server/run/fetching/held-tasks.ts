// Imported, so that a test's fake timers, which replace the globals, do not block tasks.
import { setImmediate } from 'node:timers';
import type { LeasedTask } from '../../../broker/contract/lease.js';
import { type Clock, monotonicMs, type TimerHandle } from '../../../runtime/clock.js';
import type { TrackedTask } from '../../leases/lease-handle.js';
import type { RunningLeases } from '../../leases/running-leases.js';
import type { WorkSignal } from '../../watch/work-watcher.js';
import { attemptDeadlineMs } from '../running/attempt-deadline.js';
import type { Lane } from './lane.js';
import type { Lanes } from './lanes.js';
import type { TaskMessage } from '../../../wire/task-message.js';
import type { WorkerPool } from '../running/worker-pool.js';

/** How long a task is held, as a multiple of `readAhead`. */
const HELD_FOR = 3;
/** How often a return looks whether the fetch under way has been answered. */
const AWAIT_FETCH_MS = 2;
/** Held tasks that begin in a row, and for how long, before the event loop turns: replies and timers wait meanwhile. */
const MOST_IN_A_ROW = 100;
const LONGEST_ROW_MS = 2;

export interface HeldTasksDeps {
  readonly workers: Pick<WorkerPool, 'run' | 'putBack' | 'takeCanceled'>;
  readonly runningLeases: Pick<RunningLeases, 'track'>;
  readonly workSignal: Pick<WorkSignal, 'reportRemaining'>;
  readonly clock: Clock;
}

/** Tasks that lanes hold ahead: leased and not begun. They begin, or return to the head of their queue. */
export class HeldTasks {
  private timer: TimerHandle;
  /** How many began in this turn of the event loop. */
  private begunInARow = 0;
  private rowEndsAtMs = Infinity;

  /** @param onFree called when slots or queues may be drawn that were not before */
  constructor(
    private readonly lanes: Pick<Lanes, 'awake'>,
    private readonly readAheadMs: number,
    private readonly onFree: () => void,
    private readonly deps: HeldTasksDeps,
  ) {}

  /** The event loop must turn before the next one begins. */
  get isRowFull(): boolean {
    return this.begunInARow >= MOST_IN_A_ROW;
  }

  hold(lane: Lane, tasks: readonly LeasedTask[]): void {
    const { clock, runningLeases } = this.deps;
    const heldForMs = HELD_FOR * this.readAheadMs;
    const returnAtMs = monotonicMs(clock) + heldForMs;
    const leases = runningLeases.track(timed(tasks, clock.nowMs()), { returnAtMs });
    tasks.forEach((task, nth) => lane.held.push({ task, lease: leases[nth]!, returnAtMs }));
    if (this.timer === undefined) this.returnOldSoon(heldForMs);
  }

  /** Its slot is free. */
  beginNext(lane: Lane): void {
    const { clock, workers } = this.deps;
    const { task, lease } = lane.held.shift()!;
    const startedAtMs = clock.nowMs();
    const tracked = { task, startedAtMs, deadlineMs: attemptDeadlineMs(task.message, startedAtMs) };
    const nowMs = monotonicMs(clock);
    this.noteRow(nowMs);
    if (!lease.begin(tracked, nowMs)) return this.onFree(); // the heartbeat has returned it, or it is lost
    lane.readAhead.noteBegun();
    workers.run(tracked, lease);
  }

  private noteRow(nowMs: number): void {
    if (this.begunInARow++ === 0) {
      this.rowEndsAtMs = nowMs + LONGEST_ROW_MS;
      setImmediate(() => (this.begunInARow = 0));
    } else if (nowMs >= this.rowEndsAtMs) this.begunInARow = MOST_IN_A_ROW;
  }

  /**
   * Looks twice: slots may be free that were not noted while the event loop was busy. When it was busy for long, or the process
   * had no processor, those tasks have waited for that, and many may begin at once: then the second look is later.
   */
  private returnOldSoon(inMs: number): void {
    const { clock } = this.deps;
    const dueAtMs = monotonicMs(clock) + inMs;
    this.timer = clock.setTimer(() => {
      const isLate = monotonicMs(clock) - dueAtMs > this.readAheadMs / 2;
      this.timer = clock.setTimer(() => this.returnOld(), isLate ? this.readAheadMs : 0);
    }, inMs);
  }

  /** Held tasks that have waited too long, because a handler turned slow, return with all behind them, and others are told. */
  private returnOld(): void {
    const { clock, workSignal } = this.deps;
    const nowMs = monotonicMs(clock);
    let nextAtMs = Infinity;
    for (const lane of this.lanes.awake) {
      const [first] = lane.held;
      if (!first) continue;
      // The tasks of a fetch under way would begin before those that returned.
      const answeredFromMs = lane.isFetching && !lane.isSick ? nowMs + AWAIT_FETCH_MS : nowMs;
      const fromMs = Math.max(first.returnAtMs, answeredFromMs);
      if (nowMs < fromMs) {
        nextAtMs = Math.min(nextAtMs, fromMs);
        continue;
      }
      lane.readAhead.pause();
      const count = lane.held.length;
      this.return(lane, () => workSignal.reportRemaining(lane.queue, count));
    }
    this.timer = undefined;
    if (nextAtMs < Infinity) this.returnOldSoon(nextAtMs - nowMs);
    this.onFree();
  }

  /** Returns what is held, except where fetches are under way: their tasks would begin before those that returned. */
  returnAnswered(): void {
    for (const lane of this.lanes.awake) if (!lane.isFetching || lane.isSick) this.return(lane);
  }

  /** Returns how many. */
  returnAll(): number {
    let count = 0;
    for (const lane of this.lanes.awake) count += this.return(lane);
    return count;
  }

  /** Returns how many. @param onReturned called when all are back in the queue */
  return(lane: Lane, onReturned?: () => void): number {
    const { held } = lane;
    if (held.length === 0) return 0;
    lane.held = [];
    lane.noteReturn();
    const { clock } = this.deps;
    const nowMs = monotonicMs(clock);
    const tracked = timed(
      held.map(({ task }) => task),
      clock.nowMs(),
    );
    const own = held.filter(({ lease }, nth) => lease.begin(tracked[nth]!, nowMs));
    lane.returning += own.length;
    for (const { task, lease } of own) {
      this.deps.workers.putBack(task, lease, () => {
        lane.returning -= 1;
        if (lane.returning > 0) return;
        onReturned?.();
        this.onFree();
      });
    }
    return own.length;
  }

  /** Those that are meant do not begin: they end as running ones do. */
  cancel(isMeant: (message: TaskMessage) => boolean): void {
    const { clock, workers } = this.deps;
    for (const lane of this.lanes.awake) {
      const canceled = lane.held.filter(({ task }) => isMeant(task.message));
      if (canceled.length === 0) continue;
      lane.held = lane.held.filter((held) => !canceled.includes(held));
      for (const { task, lease } of canceled) {
        const [tracked] = timed([task], clock.nowMs());
        if (lease.begin(tracked!, monotonicMs(clock))) workers.takeCanceled(tracked!, lease);
      }
      this.onFree();
    }
  }

  stop(): void {
    this.deps.clock.clearTimer(this.timer);
    this.returnAnswered();
  }
}

/** Tasks with the times of attempts that begin now. */
export function timed(tasks: readonly LeasedTask[], startedAtMs: number): TrackedTask[] {
  return tasks.map((task) => ({ task, startedAtMs, deadlineMs: attemptDeadlineMs(task.message, startedAtMs) }));
}
