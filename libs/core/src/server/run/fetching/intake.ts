import type { FetchReply, LeasedTask } from '../../../broker/contract/lease.js';
import { placeOf } from '../../../partitions/partition-name.js';
import { type Clock, monotonicMs } from '../../../runtime/clock.js';
import { type Fetched, fetchChannel } from '../../../runtime/diagnostics.js';
import type { Logger } from '../../../runtime/logger.js';
import type { TaskEventListener } from '../../../task/task-event.js';
import type { LeaseHandle } from '../../leases/lease-handle.js';
import type { RunningLeases } from '../../leases/running-leases.js';
import type { WorkSignal } from '../../watch/work-watcher.js';
import type { WorkerPool } from '../running/worker-pool.js';
import { type HeldTasks, timed } from './held-tasks.js';
import type { Lane } from './lane.js';
import type { LimitedTasks } from './limited-tasks.js';

const MOST_IDS_LOGGED = 10;
/** How long nothing is read ahead after a suspect was fetched: it should come alone. */
const SUSPECT_PAUSE_MS = 1_000;

export interface IntakeDeps {
  readonly workers: WorkerPool;
  readonly runningLeases: Pick<RunningLeases, 'track'>;
  readonly workSignal: Pick<WorkSignal, 'reportPaused' | 'reportRemaining'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly emit?: TaskEventListener | undefined;
}

/** What may become of the tasks of a reply. */
export interface Admission {
  /** How many tasks were passed over because this server does not know their types. */
  readonly offered: number;
  /** Slots for its tasks. */
  readonly room: number;
  /** How many more of them may be held. */
  readonly ahead: number;
}

/** Takes in the replies of fetches: their tasks begin, are held, or return to their queue. */
export class Intake {
  /** Nothing is read ahead until then; by the monotonic clock. */
  readsAheadFromMs = -Infinity;

  constructor(
    private readonly held: Pick<HeldTasks, 'hold' | 'return' | 'returnAll'>,
    private readonly limited: Pick<LimitedTasks, 'hasHandlerLimits' | 'admit'>,
    private readonly deps: IntakeDeps,
  ) {}

  take(lane: Lane, reply: FetchReply, admission: Admission): void {
    const { tasks, isPaused, remaining, orphans } = reply;
    const { workSignal } = this.deps;
    if (fetchChannel.hasSubscribers) fetchChannel.publish({ queue: lane.queue, count: tasks.length } satisfies Fetched);
    if (orphans) this.reportDropped(lane.queue, orphans);
    lane.isPaused = isPaused;
    lane.remaining = remaining;
    lane.isEmpty = remaining === 0 && !lane.isSignaled && !lane.passed?.toFetch;
    if (isPaused) {
      workSignal.reportPaused(lane.queue);
      this.held.return(lane);
    }
    lane.offered = admission.offered;
    if (lane.offered > 0) this.tellOthers(lane.queue);
    this.launch(lane, this.limited.hasHandlerLimits ? this.limited.admit(lane, tasks) : tasks, admission);
    // Idle servers are woken once per signal: later fetches add no information.
    if (lane.isWoken && remaining > 0) workSignal.reportRemaining(lane.queue, remaining);
    lane.isWoken = false;
  }

  /** Wakes other servers for tasks that are left to them. */
  private tellOthers(queue: string): void {
    const { workers, workSignal } = this.deps;
    if (workers.isTellDue(queue)) workSignal.reportRemaining(queue, workers.leftToOthers(queue).length);
  }

  private reportDropped(queue: string, ids: readonly string[]): void {
    const { logger, clock, emit } = this.deps;
    logger.warn('dropped ids without a task', { queue, ids: ids.slice(0, MOST_IDS_LOGGED), count: ids.length });
    const { index: _, ...place } = placeOf(queue);
    const at = new Date(clock.nowMs());
    for (const id of ids) emit?.({ kind: 'dropped', id, type: '', ...place, at });
  }

  /**
   * Runs the tasks that have slots, behind those that are held, and holds those that were asked for in addition. The rest, whose
   * slots were lost, return to the queue.
   */
  private launch(lane: Lane, tasks: readonly LeasedTask[], { room, ahead }: Admission): void {
    if (tasks.length === 0) return;
    const { workers } = this.deps;
    const isSuspicious = tasks.some((task) => workers.isSuspect(task));
    const mayHold = !isSuspicious && !workers.isLimited;
    const isCrowded = isSuspicious && this.makeRoomForSuspect(lane, ahead > 0 && tasks.length > room);
    const slots = isCrowded || lane.held.length > 0 ? 0 : room;
    const toHold = mayHold ? Math.min(tasks.length - slots, ahead + room - slots) : 0;
    if (toHold <= 0) return this.run(lane, tasks, slots);
    const known = tasks.filter(({ message }) => workers.knows(message.type));
    const others = tasks.length === known.length ? [] : tasks.filter(({ message }) => !workers.knows(message.type));
    this.run(lane, others, others.length); // an attempt without a handler takes no time
    this.run(lane, known.slice(0, slots), slots);
    this.held.hold(lane, known.slice(slots, slots + toHold));
    this.run(lane, known.slice(slots + toHold), 0);
  }

  /** A suspect may kill the process: what is held goes back first, and the suspect comes again without it. */
  private makeRoomForSuspect(lane: Lane, isBesideOthers: boolean): boolean {
    const returned = this.held.returnAll();
    this.readsAheadFromMs = monotonicMs(this.deps.clock) + SUSPECT_PAUSE_MS;
    const isCrowded = returned > 0 || isBesideOthers;
    if (isCrowded) lane.noteReturn();
    return isCrowded;
  }

  private run(lane: Lane, tasks: readonly LeasedTask[], room: number): void {
    if (tasks.length === 0) return;
    const { workers, runningLeases } = this.deps;
    const tracked = timed(tasks, this.deps.clock.nowMs());
    const leases: readonly LeaseHandle[] = runningLeases.track(tracked);
    const onBack = (): void => this.tellOthers(lane.queue);
    let started = 0;
    tracked.forEach((task, nth) => {
      const lease = leases[nth]!;
      if (workers.leaveToOthers(task, lease, onBack)) lane.offered += 1;
      else if (started++ < room) {
        lane.readAhead.noteBegun();
        workers.run(task, lease);
      } else workers.giveBack(task, lease);
    });
  }
}
