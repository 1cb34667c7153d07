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
  /** `undefined` when it is not paused, or when another program paused it without the time. */
  readonly pausedAtMs: number | undefined;
  /** Keys of the queue that hold another Redis type than they should: they count as empty. */
  readonly wrongTypeKeys: readonly string[];
  /** How long the next pending task has waited; 0 when there is none or the time was not recorded. */
  readonly latencyMs: number;
  /** How long ago the first task of `scheduled` and `retry` was due, to the second; 0 when none is due. */
  readonly overdueMs: number;
}

/** The memory of a queue's tasks. */
export interface MemoryEstimate {
  readonly bytes: number;
  /** The true value is most likely (95 %) within this distance; 0 when all tasks were measured. */
  readonly errorBytes: number;
}

/** Counters of a day are kept for 90 days, as in asynq. */
export const DAILY_COUNTS_LIFE_MS = 90 * 24 * 3600 * 1000;

/** A queue's attempts on one UTC day. */
export interface DailyCount {
  /** `yyyy-mm-dd`. */
  readonly day: string;
  /** Attempts ended, failed ones included. */
  readonly processed: number;
  readonly failed: number;
}

/** Whole queues: statistics, pause, removal. */
export interface QueueOps {
  queueNames(): Promise<string[]>;
  /**
   * Whether the queue has been announced (is in `asynq:queues`). `undefined`: the node of a cluster that holds the
   * names does not answer within 500 ms; the queues of other nodes must stay readable.
   */
  hasQueue(queue: string): Promise<boolean | undefined>;
  /** `undefined` when the queue has not been announced. If the names cannot be read, it counts as announced. */
  queueStats(queue: string): Promise<QueueStats | undefined>;
  /** Today, yesterday, … `days` days. */
  dailyCounts(queue: string, days: number): Promise<DailyCount[]>;
  /** How many tasks of the archive were archived at that time or later, to the second. */
  archivedSince(queue: string, sinceMs: number): Promise<number>;
  /**
   * The memory of the tasks, with their lists; `undefined` when it is not available.
   * @param isExact measures every task instead of a sample
   */
  memoryUsage(queue: string, isExact: boolean): Promise<MemoryEstimate | undefined>;
  /** Stops every server from fetching from the queue; `false` when it was paused already. */
  pause(queue: string): Promise<boolean>;
  /** Resumes fetching and wakes our servers; `false` when it was not paused. */
  unpause(queue: string): Promise<boolean>;
  /**
   * Removes a queue that has no pending, active, scheduled, retry or archived tasks from the list of queues; `false`
   * when it has some (nothing changed). As in asynq, completed and aggregating tasks, locks and counters stay behind.
   */
  removeQueue(queue: string): Promise<boolean>;
  /** Deletes every key of the queue, in bounded steps, and then its name; returns the number of keys. */
  purgeQueue(queue: string): Promise<number>;
}
