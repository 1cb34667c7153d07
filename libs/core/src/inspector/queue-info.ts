import type { QueueStats } from '../broker/inspect-roles.js';

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
}

export function toQueueInfo(queue: string, { counts, ...stats }: QueueStats): QueueInfo {
  const size = Object.values(counts).reduce((sum, count) => sum + count, 0);
  return { queue, size, ...counts, ...stats };
}
