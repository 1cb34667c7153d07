import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ArchiveLimits, RetentionOps } from '../../broker/contract/retention.js';
import { monotonicMs } from '../../runtime/clock.js';
import type { LoopDeps } from '../../runtime/loop.js';
import { LeaderRounds } from './leader-rounds.js';
import type { Leadership } from '../watch/work-watcher.js';

interface JanitorOptions {
  readonly intervalMs: number;
  /** Maximum number of tasks deleted in one call. */
  readonly batchSize: number;
  readonly archive: ArchiveLimits;
}

/** Archives grow slowly and shrink by days: an idle queue must not pay for a check at every interval. */
const TRIM_EVERY_MS = 120_000;

/** Deletes finished tasks that have expired: completed ones at every interval, archived ones less often. */
export class Janitor extends LeaderRounds {
  private readonly nextTrimAtMs = new Map<string, number>();

  constructor(
    private readonly broker: RetentionOps,
    leadership: Leadership,
    queues: readonly string[],
    private readonly options: JanitorOptions,
    deps: LoopDeps,
  ) {
    super('janitor', leadership, queues, deps);
  }

  protected async runAsLeader(queue: string): Promise<number> {
    const { batchSize, archive, intervalMs } = this.options;
    await this.drain(() => this.broker.deleteExpiredCompleted(queue, batchSize));
    if (monotonicMs(this.clock) >= (this.nextTrimAtMs.get(queue) ?? 0)) {
      await this.drain(() => this.broker.trimArchived(queue, archive, batchSize));
      this.nextTrimAtMs.set(queue, monotonicMs(this.clock) + TRIM_EVERY_MS);
    }
    return intervalMs;
  }

  private async drain(deleteBatch: () => Promise<number>): Promise<void> {
    while ((await deleteBatch()) >= this.options.batchSize && !this.stopSignal.aborted) await nextTurn();
  }
}
