import type { GroupOps } from '../../broker/contract/groups.js';
import type { RecoverOps, RecoveredTask } from '../../broker/contract/recover.js';
import { monotonicMs } from '../../runtime/clock.js';
import type { LoopDeps } from '../../runtime/loop.js';
import { LeaderLoop } from './leader-loop.js';
import type { Leadership } from '../watch/work-watcher.js';

/** Most tasks that one call may give back. */
const BATCH = 100;
/** Most ids of each set that one repair checks. */
const REPAIR_BATCH = 100;
const REPAIR_EVERY_MS = 60_000;
/** Most aggregation sets that one repair gives back. */
const SETS_BATCH = 100;
/** Most groups that one repair names again. */
const GROUPS_BATCH = 300;
/** Longest time between two checks, if the lease is not shorter: so each lease is seen before it ends. */
const LONGEST_MS = 15_000;
/** Between two checks whether this server may recover. */
const WAIT_MS = 500;
/** Pause when a lease has expired and its task was not given back. */
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
  /** Whether an expired lease means that its server is gone: see `RunningLeases`. */
  readonly isSteady: () => boolean;
}

/**
 * Gives the tasks of vanished servers back to their queue as soon as their leases expire. Once a minute it has the
 * broker repair what crashes left behind, gives the tasks of unfinished aggregations back to their groups, and names
 * groups to which Go servers gave tasks back. A set lives for two minutes, so each is seen before it is given back.
 */
export class Recoverer extends LeaderLoop {
  private nextRepairAtMs = 0;
  /** The first and the last call in a row that failed, by the monotonic clock. */
  private outage: { readonly sinceMs: number; readonly untilMs: number } | undefined;

  constructor(
    private readonly broker: RecoverOps & Pick<GroupOps, 'reclaimSets' | 'nameLostGroups'>,
    leadership: Leadership,
    queue: string,
    private readonly options: RecovererOptions,
    deps: LoopDeps,
  ) {
    super('recoverer', queue, leadership, LONGEST_MS, deps);
  }

  protected async runAsLeader(): Promise<number> {
    if (!this.options.isSteady()) return WAIT_MS; // servers that were frozen with this one extend their leases first
    try {
      if (this.isJustBack()) return await this.wait();
      const delayMs = await this.recover();
      this.outage = undefined;
      return delayMs;
    } catch (error) {
      const nowMs = monotonicMs(this.clock);
      this.outage = { sinceMs: this.outage?.sinceMs ?? nowMs, untilMs: nowMs };
      throw error;
    }
  }

  /** Whether Redis was away long enough for leases to expire, and other servers could not extend theirs since. */
  private isJustBack(): boolean {
    if (!this.outage) return false;
    const { sinceMs, untilMs } = this.outage;
    const { leaseMs, pauseMs } = this.options;
    return untilMs - sinceMs >= leaseMs / 3 && monotonicMs(this.clock) < untilMs + pauseMs;
  }

  /** Checks whether Redis is back, and recovers nothing. */
  private async wait(): Promise<number> {
    await this.broker.recoverExpired(this.queue, { graceMs: Infinity, maxCrashes: 0, limit: 1 });
    return WAIT_MS;
  }

  private async recover(): Promise<number> {
    const { leaseMs, graceMs, maxCrashes, onRecovered } = this.options;
    const round = { graceMs, maxCrashes, limit: BATCH };
    const askedAtMs = this.clock.nowMs();
    const { recovered, nextExpiryAtMs = Infinity } = await this.broker.recoverExpired(this.queue, round);
    recovered.forEach(onRecovered);
    if ((await this.repairWhenDue()) || recovered.length >= BATCH) return 0;
    if (recovered.length === 0 && nextExpiryAtMs <= askedAtMs) return STUCK_MS;
    return Math.min(Math.max(nextExpiryAtMs - this.clock.nowMs(), 0), leaseMs, LONGEST_MS);
  }

  /** `true` when it left expired leases for the next recovery. */
  private async repairWhenDue(): Promise<boolean> {
    if (monotonicMs(this.clock) < this.nextRepairAtMs) return false;
    const { leasesAdded, orphansRemoved } = await this.broker.repair(this.queue, REPAIR_BATCH);
    const groupsNamed = await this.broker.nameLostGroups(this.queue, GROUPS_BATCH); // before their sets are gone
    const setsReclaimed = await this.broker.reclaimSets(this.queue, SETS_BATCH);
    this.nextRepairAtMs = monotonicMs(this.clock) + REPAIR_EVERY_MS;
    if (setsReclaimed > 0) {
      this.logger.warn(`gave back unfinished aggregations of queue "${this.queue}"`, {
        queue: this.queue,
        setsReclaimed,
      });
    }
    if (leasesAdded > 0 || orphansRemoved > 0 || groupsNamed > 0) {
      const done = { leasesAdded, orphansRemoved, groupsNamed };
      this.logger.warn(`repaired queue "${this.queue}"`, { queue: this.queue, ...done });
    }
    return leasesAdded > 0;
  }
}
