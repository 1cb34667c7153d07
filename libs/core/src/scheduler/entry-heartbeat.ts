import type { PresenceOps } from '../broker/contract/presence.js';
import { Loop, type LoopDeps } from '../runtime/loop.js';
import { ceilS } from '../wire/unix-time.js';
import type { PeriodicEntry } from './periodic-entry.js';

/**
 * Publishes the entries for inspectors at each heartbeat; those of a lost scheduler expire. `wake` publishes new ones
 * at once.
 */
export class EntryHeartbeat extends Loop {
  private isShown = false;

  constructor(
    private readonly broker: Pick<PresenceOps, 'writePlan' | 'clearPlan'>,
    private readonly schedulerId: string,
    private readonly entries: ReadonlyMap<string, PeriodicEntry>,
    private readonly intervalMs: number,
    deps: LoopDeps,
  ) {
    super('scheduler heartbeat', deps);
  }

  async runOnce(): Promise<number> {
    const planned = [...this.entries.values()].filter(({ progress }) => progress !== undefined);
    const entries = planned.map((entry) => entry.toPlan());
    entries.sort((a, b) => (a.nextEnqueueAtMs ?? Infinity) - (b.nextEnqueueAtMs ?? Infinity) || 0);
    if (entries.length > 0) {
      await this.broker.writePlan(this.schedulerId, entries, ceilS(2 * this.intervalMs));
      this.isShown = true;
    } else {
      await this.clear();
    }
    return this.intervalMs;
  }

  /** Removes the published entries. */
  async clear(): Promise<void> {
    if (!this.isShown) return;
    await this.broker.clearPlan(this.schedulerId);
    this.isShown = false;
  }
}
