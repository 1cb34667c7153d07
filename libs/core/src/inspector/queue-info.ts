import type { QueueStats } from '../broker/contract/queues.js';

/** A queue at one moment. */
export interface QueueInfo {
  readonly queue: string;
  /** Tasks in all states. */
  readonly size: number;
  readonly pending: number;
  readonly active: number;
  readonly scheduled: number;
  readonly retry: number;
  readonly archived: number;
  readonly completed: number;
  readonly aggregating: number;
  /** Groups with waiting tasks. */
  readonly groups: number;
  /** Attempts ended since midnight UTC, failed ones included. */
  readonly processedToday: number;
  readonly failedToday: number;
  readonly processedTotal: number;
  readonly failedTotal: number;
  readonly isPaused: boolean;
  /** How long the next pending task has waited; 0 when none waits. */
  readonly latencyMs: number;
  /** Estimate of what the tasks take in Redis; `undefined` unless asked for, and where it cannot be had. */
  readonly memoryBytes: number | undefined;
}

/** What became of a queue's attempts on one UTC day. */
export interface DailyStats {
  readonly queue: string;
  /** `yyyy-mm-dd`. */
  readonly day: string;
  /** Attempts ended, failed ones included. */
  readonly processed: number;
  readonly failed: number;
}

/** A group with waiting tasks. */
export interface GroupInfo {
  readonly group: string;
  readonly size: number;
}

export function toQueueInfo(
  queue: string,
  { counts, ...stats }: QueueStats,
  memoryBytes: number | undefined,
): QueueInfo {
  const size = Object.values(counts).reduce((sum, count) => sum + count, 0);
  return { queue, size, ...counts, ...stats, memoryBytes };
}
