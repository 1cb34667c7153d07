import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { Clock } from '@nestjs-asynq/core';
import { inArray } from 'drizzle-orm';
import { type EnqueueResult, TaskDistributor, TaskIdConflictError, type TaskOptions } from 'nestjs-asynq';
import { CLOCK } from '../config/clock.module.js';
import type { Database } from '../database/database.js';
import { DATABASE } from '../database/database.module.js';
import { outbox } from '../database/schema.js';

/** Maximum wait of a row without a nudge: its process died after the commit, or Redis was unreachable. */
const INTERVAL_MS = 5000;

/** Maximum number of rows that one transaction locks. */
const BATCH = 100;

/**
 * Carries tasks from the outbox to their queues: at boot, when nudged, and at an interval.
 *
 * A row is deleted after its task was enqueued. After a crash between the two it is enqueued again; the fixed task id
 * makes this a conflict, which counts as delivered. Any number of relays may run: they skip rows that another one has
 * locked.
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

  /** Waits for the current pass; remaining rows wait for the next process. */
  async onModuleDestroy(): Promise<void> {
    this.isStopped = true;
    this.clock.clearTimer(this.timer);
    await this.running;
  }

  /** Requests a pass, now or right after the current one. Never throws: a failed pass is repeated later. */
  nudge(): void {
    this.isNudged = true;
    this.running ??= this.run();
  }

  /** Enqueues up to a batch of rows, oldest first. Returns the number of delivered rows. */
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
    this.logger.warn(`outbox row ${row.id} (${row.taskType}) is not delivered: ${result.error.message}`);
    return false;
  }

  private async run(): Promise<void> {
    while (this.isNudged && !this.isStopped) {
      this.isNudged = false;
      try {
        while ((await this.runOnce()) === BATCH); // a full batch: there may be more
      } catch (error) {
        this.logger.warn(`outbox pass failed, next one within ${INTERVAL_MS / 1000} s: ${(error as Error).message}`);
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
