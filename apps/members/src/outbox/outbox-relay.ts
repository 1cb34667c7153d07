import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { Clock } from '@nestjs-asynq/core';
import { inArray } from 'drizzle-orm';
import { type EnqueueResult, TaskDistributor, TaskIdConflictError, type TaskOptions } from 'nestjs-asynq';
import { CLOCK } from '../config/clock.module.js';
import type { Database } from '../database/database.js';
import { DATABASE } from '../database/database.module.js';
import { outbox } from '../database/schema.js';

/** How long a row may wait without a nudge: its process died after the commit, or Redis was unreachable. */
const INTERVAL_MS = 5000;

/** Most rows that one transaction locks. */
const BATCH = 100;

/**
 * Carries tasks from the outbox to their queues: at boot, when nudged, and at an interval.
 *
 * A row is deleted after its task was enqueued. Dying between the two enqueues it again later; the fixed task id makes
 * that a conflict, which counts as delivered. Any number of relays may run: a row that one has locked is skipped by
 * the others.
 */
@Injectable()
export class OutboxRelay implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(OutboxRelay.name);
  private running: Promise<void> | undefined;
  private isNudged = false;
  private isStopped = false;
  private timer: unknown;

  constructor(
    @Inject(DATABASE) private readonly db: Database,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly tasks: TaskDistributor,
  ) {}

  onApplicationBootstrap(): void {
    this.nudge();
    this.wait();
  }

  /** Ends with the pass that is under way; rows it leaves wait for the next process. */
  async onModuleDestroy(): Promise<void> {
    this.isStopped = true;
    this.clock.clearTimer(this.timer);
    await this.running;
  }

  /** Asks for a pass, now or right after the one under way. Never throws: a pass that fails is made up for later. */
  nudge(): void {
    this.isNudged = true;
    this.running ??= this.run();
  }

  /** Enqueues up to a batch of rows, oldest first. Returns how many have left the outbox. */
  async runOnce(): Promise<number> {
    return this.db.transaction(async (transaction) => {
      const rows = await transaction
        .select()
        .from(outbox)
        .orderBy(outbox.id)
        .limit(BATCH)
        .for('update', { skipLocked: true });
      if (rows.length === 0) return 0;

      const results = await this.tasks.enqueueMany(
        rows.map(({ taskType, payload, options }) => ({ type: taskType, payload, options: options as TaskOptions })),
      );

      const delivered = rows.filter((row, i) => this.isDelivered(row, results[i]!)).map(({ id }) => id);
      if (delivered.length > 0) await transaction.delete(outbox).where(inArray(outbox.id, delivered));
      return delivered.length;
    });
  }

  private isDelivered(row: { id: number; taskType: string }, result: EnqueueResult): boolean {
    if (!result.error || result.error instanceof TaskIdConflictError) return true;
    this.logger.warn(`outbox row ${row.id} (${row.taskType}) stays: ${result.error.message}`);
    return false;
  }

  private async run(): Promise<void> {
    while (this.isNudged && !this.isStopped) {
      this.isNudged = false;
      try {
        while ((await this.runOnce()) === BATCH); // a full batch: more may wait
      } catch (error) {
        this.logger.warn(`the outbox waits, next pass within ${INTERVAL_MS / 1000} s: ${(error as Error).message}`);
      }
    }
    this.running = undefined;
  }

  private wait(): void {
    this.timer = this.clock.setTimer(() => {
      this.nudge();
      this.wait();
    }, INTERVAL_MS);
  }
}
