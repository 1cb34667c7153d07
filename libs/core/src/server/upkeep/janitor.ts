import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ArchiveLimits, RetentionOps } from '../../broker/contract/retention.js';
import { monotonicMs } from '../../runtime/clock.js';
import type { LoopDeps } from '../../runtime/loop.js';
import { LeaderLoop } from './leader-loop.js';
import type { Leadership } from '../watch/work-watcher.js';

export interface JanitorOptions {
  readonly intervalMs: number;
  /** Most tasks deleted in one call. */
  readonly batchSize: number;
  readonly archive: ArchiveLimits;
}

/** Archives grow slowly and shrink by days: an idle queue must not pay for a check at every interval. */
const TRIM_EVERY_MS = 120_000;

/** Deletes finished tasks that have expired: completed ones at every interval, archived ones less often. */
export class Janitor extends LeaderLoop {
  private nextTrimAtMs = 0;

  constructor(
    private readonly broker: RetentionOps,
    leadership: Leadership,
    queue: string,
    private readonly options: JanitorOptions,
    deps: LoopDeps,
  ) {
    super('janitor', queue, leadership, options.intervalMs, deps);
  }

  protected async runAsLeader(): Promise<number> {
    const { batchSize, archive, intervalMs } = this.options;
    await this.drain(() => this.broker.deleteExpiredCompleted(this.queue, batchSize));
    if (monotonicMs(this.clock) >= this.nextTrimAtMs) {
      await this.drain(() => this.broker.trimArchived(this.queue, archive, batchSize));
      this.nextTrimAtMs = monotonicMs(this.clock) + TRIM_EVERY_MS;
    }
    return intervalMs;
  }

  private async drain(deleteBatch: () => Promise<number>): Promise<void> {
    while ((await deleteBatch()) >= this.options.batchSize && !this.stopSignal.aborted) await nextTurn();
  }
}
