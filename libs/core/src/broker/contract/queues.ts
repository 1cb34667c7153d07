import type { TaskState } from '../../wire/task-state.js';

export interface QueueStats {
  readonly counts: Readonly<Record<TaskState, number>>;
  /** Groups with waiting tasks. */
  readonly groups: number;
  readonly processedToday: number;
  readonly failedToday: number;
  readonly processedTotal: number;
  readonly failedTotal: number;
  readonly isPaused: boolean;
  /** How long the next pending task has waited; 0 when none does or nobody wrote it down. */
  readonly latencyMs: number;
}

/** Counters of a day are kept for 90 days, as in asynq. */
export const DAILY_COUNTS_LIFE_MS = 90 * 24 * 3600 * 1000;

/** What became of a queue's attempts on one UTC day. */
export interface DailyCount {
  /** `yyyy-mm-dd`. */
  readonly day: string;
  /** Attempts ended, failed ones included. */
  readonly processed: number;
  readonly failed: number;
}

/** Whole queues: pictures, pause, removal. */
export interface QueueOps {
  queueNames(): Promise<string[]>;
  /** Whether somebody announced the queue. */
  hasQueue(queue: string): Promise<boolean>;
  /** `undefined` when nobody announced the queue. */
  queueStats(queue: string): Promise<QueueStats | undefined>;
  /** Today, yesterday, … `days` days. */
  dailyCounts(queue: string, days: number): Promise<DailyCount[]>;
  /** Estimate from samples; `undefined` when it cannot be had. */
  memoryBytes(queue: string): Promise<number | undefined>;
  /** Stops fetching from the queue, for every server; `false` when it was paused already. */
  pause(queue: string): Promise<boolean>;
  /** Lets servers fetch again and wakes ours; `false` when it was not paused. */
  unpause(queue: string): Promise<boolean>;
  /**
   * Removes a queue that has no pending, active, scheduled, retry or archived tasks from the list of queues; `false`
   * when it has some (nothing changed). As in asynq, completed and aggregating tasks, locks and counters stay behind.
   */
  removeQueue(queue: string): Promise<boolean>;
  /** Deletes every key of the queue, in bounded steps, and then its name; returns how many keys there were. */
  purgeQueue(queue: string): Promise<number>;
}
