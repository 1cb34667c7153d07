import { type FetchReply, type LeasedTask, MOST_PASSED_OVER, MOST_PER_FETCH } from '../../../broker/contract/lease.js';
import type { Clock } from '../../../runtime/clock.js';
import type { RunningLeases } from '../../leases/running-leases.js';
import type { WorkSignal } from '../../watch/work-watcher.js';
import type { RunLimit } from '../running/run-limits.js';
import type { WorkerPool } from '../running/worker-pool.js';
import { timed } from './held-tasks.js';
import type { Lane } from './lane.js';
import type { Lanes } from './lanes.js';
import { PassedTasks } from './passed-tasks.js';
import type { QueueWeights } from './queue-weights.js';

export interface LimitedTasksDeps {
  readonly workers: Pick<WorkerPool, 'limits' | 'putBack' | 'leftToOthers'>;
  readonly runningLeases: Pick<RunningLeases, 'track'>;
  readonly workSignal: Pick<WorkSignal, 'setPassing' | 'setRoom' | 'reportRemaining'>;
  readonly clock: Clock;
}

/**
 * Keeps queues and handlers within the limits that they have below that of the server.
 *
 * - A queue at its limit draws no slots, and is left to other servers; nothing of it is fetched.
 * - The type of a task is known when it is fetched. One whose handler is at its limit returns to the head of its queue at once,
 *   and further fetches pass over it, so that those behind it run. It is not fetched again before its handler has room: as many
 *   of the oldest are released then as there is room for. So no task has a lease that does not run or is about to.
 */
export class LimitedTasks {
  /** With tasks that are passed over. */
  private readonly passing = new Set<Lane>();
  /** With a queue of which as many tasks run as may. */
  private readonly full = new Set<Lane>();

  constructor(
    private readonly lanes: Pick<Lanes, 'awake' | 'get' | 'wake'>,
    private readonly weights: QueueWeights,
    private readonly deps: LimitedTasksDeps,
  ) {}

  get isUsed(): boolean {
    return this.deps.workers.limits.isUsed;
  }

  get hasHandlerLimits(): boolean {
    return this.deps.workers.limits.hasHandlerLimits;
  }

  get hasQueueLimits(): boolean {
    return this.deps.workers.limits.hasQueueLimits;
  }

  /** For how many more slots a queue with a limit may draw. */
  roomOf({ limit }: Lane): number {
    if (!limit) return Infinity;
    let { room } = limit;
    for (const lane of this.lanes.awake) if (lane.limit === limit) room -= lane.drawn + lane.reserved;
    return room;
  }

  /** Shares free slots out among queues of which some have limits: what one may not have, the others get. */
  share(slots: number, served: readonly string[]): void {
    let free = slots;
    let open = served;
    while (free > 0 && open.length > 0) {
      let given = 0;
      for (const [queue, share] of this.weights.share(free, open)) {
        const lane = this.lanes.get(queue)!;
        const own = Math.max(0, Math.min(share, this.roomOf(lane)));
        lane.drawn += own;
        given += own;
      }
      free -= given;
      const next = open.filter((queue) => this.roomOf(this.lanes.get(queue)!) > 0);
      if (given === 0 && next.length === open.length) return;
      open = next;
    }
  }

  /** Tells which queues can take no more tasks, so that other servers watch them. */
  tellRoom(): void {
    if (!this.hasQueueLimits) return;
    for (const lane of [...this.full, ...this.lanes.awake]) {
      if (!lane.limit) continue;
      const hasRoom = lane.limit.room > 0;
      if (hasRoom) this.full.delete(lane);
      else this.full.add(lane);
      this.deps.workSignal.setRoom(lane.queue, hasRoom);
    }
  }

  /**
   * As many tasks are passed over as one fetch can, and none of them may run: those behind them are out of reach, and nothing is
   * fetched until one ends.
   */
  isBlocked(lane: Lane): boolean {
    return lane.hasPassed && lane.held.length === 0 && this.mostToFetch(lane) <= 0;
  }

  /** How many tasks to fetch at most, so that all of them can be passed over later if need be. */
  mostToFetch({ passed, queue }: Lane): number {
    if (!passed || passed.size === 0) return MOST_PER_FETCH;
    const left = this.deps.workers.leftToOthers(queue).length;
    return Math.min(
      Math.max(0, MOST_PASSED_OVER - left - passed.size - passed.toFetch) + passed.toFetch,
      MOST_PER_FETCH,
    );
  }

  /** Those of the fetched tasks that may run or be held; the others return to the queue. */
  admit(lane: Lane, tasks: readonly LeasedTask[]): readonly LeasedTask[] {
    const { limits } = this.deps.workers;
    const rooms = new Map<RunLimit, number>();
    const over: LeasedTask[] = [];
    const admitted = tasks.filter((task) => {
      const limit = limits.ofType(task.message.type);
      if (!limit) return true;
      const room = rooms.get(limit) ?? limit.room - this.heldOf(limit);
      rooms.set(limit, room - 1);
      if (room > 0) return true;
      (lane.passed ??= new PassedTasks()).add(task.message.id, limit);
      over.push(task);
      return false;
    });
    if (over.length > 0) this.putBack(lane, over);
    return admitted;
  }

  /** Lets the next fetches bring as many of the tasks that were passed over as may run by now. */
  release(): void {
    if (this.passing.size === 0) return;
    const limits = new Set([...this.passing].flatMap((lane) => [...lane.passed!.limits]));
    for (const limit of limits) this.releaseOf(limit);
  }

  /** @param asked how many tasks were to be passed over, and the most to fetch */
  noteAnswered(lane: Lane, asked: number, limit: number, reply: FetchReply): void {
    const { passed } = lane;
    if (!passed) return;
    const { tasks, isPaused, remaining, passedOver = 0 } = reply;
    passed.noteAnswered();
    if (passed.size === 0 || !passed.wereBack || isPaused || remaining > 0 || tasks.length >= limit) return;
    // All of the queue was looked at: what was not there has been taken, or deleted, by others.
    const isFew = passedOver === 0 || (passed.size > MOST_PASSED_OVER / 2 && passedOver < asked / 2);
    if (!isFew) return;
    passed.forget();
    this.noteWhetherPassing(lane);
  }

  private releaseOf(limit: RunLimit): void {
    let room = limit.room - this.heldOf(limit);
    for (const lane of this.lanes.awake) room -= lane.passed?.expected(limit) ?? 0;
    while (room > 0) {
      const lanes = [...this.passing].filter(({ passed }) => passed!.count(limit) > 0);
      if (lanes.length === 0) return;
      for (const [queue, share] of this.weights.share(
        room,
        lanes.map(({ queue }) => queue),
      )) {
        const lane = this.lanes.get(queue)!;
        room -= lane.passed!.release(limit, share);
        this.lanes.wake(lane);
        this.noteWhetherPassing(lane);
      }
    }
  }

  /** How many tasks with this limit are held, and begin before long. */
  private heldOf(limit: RunLimit): number {
    let count = 0;
    for (const { held } of this.lanes.awake) {
      for (const { task } of held) if (this.deps.workers.limits.ofType(task.message.type) === limit) count += 1;
    }
    return count;
  }

  private putBack(lane: Lane, tasks: readonly LeasedTask[]): void {
    const { workers, runningLeases, workSignal, clock } = this.deps;
    const passed = lane.passed!;
    const leases = runningLeases.track(timed(tasks, clock.nowMs()));
    this.noteWhetherPassing(lane);
    passed.returning += tasks.length;
    tasks.forEach((task, nth) =>
      workers.putBack(task, leases[nth]!, () => {
        passed.returning -= 1;
        // Other servers may have room for them.
        if (passed.returning === 0) workSignal.reportRemaining(lane.queue, passed.size);
      }),
    );
  }

  private noteWhetherPassing(lane: Lane): void {
    const isPassing = lane.hasPassed;
    if (isPassing === this.passing.has(lane)) return;
    if (isPassing) this.passing.add(lane);
    else this.passing.delete(lane);
    this.deps.workSignal.setPassing(lane.queue, isPassing);
  }
}
