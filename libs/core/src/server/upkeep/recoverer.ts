import type { GroupOps } from '../../broker/contract/groups.js';
import type { RecoverOps, RecoveredTask } from '../../broker/contract/recover.js';
import { monotonicMs } from '../../runtime/clock.js';
import type { LoopDeps } from '../../runtime/loop.js';
import { LeaderRounds } from './leader-rounds.js';
import type { Leadership } from '../watch/work-watcher.js';

/** Maximum number of tasks recovered in one call. */
const BATCH = 100;
/** Maximum number of ids per set that one repair checks. */
const REPAIR_BATCH = 100;
/** Maximum number of tasks that a log line names. */
const MOST_NAMED = 10;
const REPAIR_EVERY_MS = 60_000;
/** Maximum number of aggregation sets that one repair returns. */
const SETS_BATCH = 100;
/** Maximum number of groups that one repair names. */
const GROUPS_BATCH = 300;
/** Maximum interval between checks, unless the lease is shorter: each lease is seen before it ends. */
const LONGEST_MS = 15_000;
/** Interval of the check whether this server may recover. */
const WAIT_MS = 500;
/** Delay after a lease had expired and its task was not recovered. */
const STUCK_MS = 1_000;

export interface RecovererOptions {
  readonly leaseMs: number;
  /** How long after its expiry a lease counts as lost. */
  readonly graceMs: number;
  /** Crashes that a task may cause before it is archived. */
  readonly maxCrashes: number;
  readonly onRecovered: (task: RecoveredTask) => void;
  /** The longest pause between two beats of a server. */
  readonly pauseMs: number;
  /** Whether an expired lease means that its server is lost; see `RunningLeases`. */
  readonly isSteady: () => boolean;
}

/**
 * Returns the tasks of lost servers to their queue as soon as their leases expire. Once a minute it repairs what
 * crashes left inconsistent, returns the tasks of unfinished aggregations to their groups, and restores the names of
 * groups to which Go servers returned tasks. A set lives for two minutes, so each is seen before it is returned.
 */
export class Recoverer extends LeaderRounds {
  private readonly nextRepairAtMs = new Map<string, number>();
  /** By queue: the first and the last call in a row that failed, by the monotonic clock. */
  private readonly outages = new Map<string, { readonly sinceMs: number; readonly untilMs: number }>();

  constructor(
    private readonly broker: RecoverOps & Pick<GroupOps, 'reclaimSets' | 'nameLostGroups'>,
    leadership: Leadership,
    queues: readonly string[],
    private readonly options: RecovererOptions,
    deps: LoopDeps,
  ) {
    super('recoverer', leadership, queues, deps);
  }

  protected async runAsLeader(queue: string): Promise<number> {
    const awakeAtMs = monotonicMs(this.clock); // it may be frozen at any moment from here on
    if (!this.options.isSteady()) return WAIT_MS; // servers that were frozen together with this one extend their leases first
    try {
      if (this.isJustBack(queue)) return await this.wait(queue);
      const delayMs = await this.recover(queue, awakeAtMs);
      this.outages.delete(queue);
      return delayMs;
    } catch (error) {
      const nowMs = monotonicMs(this.clock);
      this.outages.set(queue, { sinceMs: this.outages.get(queue)?.sinceMs ?? nowMs, untilMs: nowMs });
      throw error;
    }
  }

  /**
   * Whether Redis was unavailable long enough for leases to expire, and other servers have not had time to extend
   * theirs.
   */
  private isJustBack(queue: string): boolean {
    const outage = this.outages.get(queue);
    if (!outage) return false;
    const { sinceMs, untilMs } = outage;
    const { leaseMs, pauseMs } = this.options;
    return untilMs - sinceMs >= leaseMs / 3 && monotonicMs(this.clock) < untilMs + pauseMs;
  }

  /** Checks whether Redis is back, and recovers nothing. */
  private async wait(queue: string): Promise<number> {
    await this.broker.recoverExpired(queue, { graceMs: Infinity, maxCrashes: 0, limit: 1 });
    return WAIT_MS;
  }

  private async recover(queue: string, awakeAtMs: number): Promise<number> {
    const { leaseMs, graceMs, maxCrashes, onRecovered } = this.options;
    const sinceAwakeMs = (): number => monotonicMs(this.clock) - awakeAtMs;
    const round = { graceMs, maxCrashes, limit: BATCH, sinceAwakeMs };
    const askedAtMs = this.clock.nowMs();
    const { recovered, nextExpiryAtMs = Infinity } = await this.broker.recoverExpired(queue, round);
    this.logLost(queue, recovered);
    recovered.forEach(onRecovered);
    if ((await this.repairWhenDue(queue)) || recovered.length >= BATCH) return 0;
    if (recovered.length === 0 && nextExpiryAtMs <= askedAtMs) return STUCK_MS;
    return Math.min(Math.max(nextExpiryAtMs - this.clock.nowMs(), 0), leaseMs, LONGEST_MS);
  }

  /** One line for each outcome: a worker may have had a thousand tasks. */
  private logLost(queue: string, recovered: readonly RecoveredTask[]): void {
    for (const outcome of new Set(recovered.map((task) => task.outcome))) {
      const tasks = recovered.filter((task) => task.outcome === outcome);
      this.logger.warn(`workers of tasks were lost; the tasks are ${outcome}`, {
        queue,
        tasks: tasks.length,
        taskIds: tasks.slice(0, MOST_NAMED).map(({ message }) => message.id),
        types: [...new Set(tasks.map(({ message }) => message.type))].slice(0, MOST_NAMED),
        mostCrashes: Math.max(...tasks.map(({ crashes }) => crashes)),
      });
    }
  }

  /** `true` when it left expired leases for the next recovery. */
  private async repairWhenDue(queue: string): Promise<boolean> {
    if (monotonicMs(this.clock) < (this.nextRepairAtMs.get(queue) ?? 0)) return false;
    const { leasesAdded, orphansRemoved } = await this.broker.repair(queue, REPAIR_BATCH);
    const groupsNamed = await this.broker.nameLostGroups(queue, GROUPS_BATCH); // before their sets are deleted
    const setsReclaimed = await this.broker.reclaimSets(queue, SETS_BATCH);
    this.nextRepairAtMs.set(queue, monotonicMs(this.clock) + REPAIR_EVERY_MS);
    if (setsReclaimed > 0) {
      this.logger.warn(`returned unfinished aggregations of queue "${queue}"`, {
        queue,
        setsReclaimed,
      });
    }
    if (leasesAdded > 0 || orphansRemoved > 0 || groupsNamed > 0) {
      const done = { leasesAdded, orphansRemoved, groupsNamed };
      this.logger.warn(`repaired queue "${queue}"`, { queue, ...done });
    }
    return leasesAdded > 0;
  }
}
