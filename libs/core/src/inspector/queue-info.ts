import type { MemoryEstimate, QueueStats } from '../broker/contract/queues.js';
import { dateOf } from '../wire/unix-time.js';

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
  /** Since when; `undefined` when it is not paused, or when the program that paused it did not store the time. */
  readonly pausedAt: Date | undefined;
  /** How long the next pending task has waited; 0 when none waits. */
  readonly latencyMs: number;
  /**
   * How long ago the first task of `scheduled` and `retry` was due, to the second; 0 when none is due. Servers move due
   * tasks to `pending` within seconds: a longer time means that none does.
   */
  readonly overdueMs: number;
  /**
   * Keys of the queue that another program has overwritten with another Redis type. They count as empty here, and
   * operations that need them fail until they are renamed or deleted.
   */
  readonly wrongTypeKeys: readonly string[];
  /** Memory of the tasks in Redis; `undefined` unless requested, or when not available. */
  readonly memoryBytes: number | undefined;
  /** The true memory is most likely within this distance of `memoryBytes`; 0 when every task was measured. */
  readonly memoryErrorBytes: number | undefined;
  /** For a partitioned queue: the ordinary queues that it consists of; their figures add up to those of the whole. */
  readonly partitions?: readonly QueueInfo[] | undefined;
}

/** A queue's attempts on one UTC day. */
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

/** A partitioned queue: sums, the longest latency; paused when all of it is. */
export function joinQueueInfos(queue: string, partitions: readonly QueueInfo[]): QueueInfo {
  const sum = (figure: (info: QueueInfo) => number): number =>
    partitions.reduce((total, info) => total + figure(info), 0);
  const isMeasured = partitions.every(({ memoryBytes }) => memoryBytes !== undefined);
  return {
    queue,
    size: sum((info) => info.size),
    pending: sum((info) => info.pending),
    active: sum((info) => info.active),
    scheduled: sum((info) => info.scheduled),
    retry: sum((info) => info.retry),
    archived: sum((info) => info.archived),
    completed: sum((info) => info.completed),
    aggregating: sum((info) => info.aggregating),
    groups: sum((info) => info.groups),
    processedToday: sum((info) => info.processedToday),
    failedToday: sum((info) => info.failedToday),
    processedTotal: sum((info) => info.processedTotal),
    failedTotal: sum((info) => info.failedTotal),
    isPaused: partitions.every((info) => info.isPaused),
    pausedAt: pausedAtOf(partitions),
    wrongTypeKeys: partitions.flatMap((info) => info.wrongTypeKeys),
    latencyMs: Math.max(...partitions.map((info) => info.latencyMs)),
    overdueMs: Math.max(...partitions.map((info) => info.overdueMs)),
    memoryBytes: isMeasured ? sum((info) => info.memoryBytes!) : undefined,
    // Of independent samples.
    memoryErrorBytes: isMeasured
      ? Math.round(Math.hypot(...partitions.map((info) => info.memoryErrorBytes!)))
      : undefined,
    partitions,
  };
}

export function toQueueInfo(
  queue: string,
  { counts, pausedAtMs, ...stats }: QueueStats,
  memory: MemoryEstimate | undefined,
): QueueInfo {
  const size = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const pausedAt = pausedAtMs === undefined ? undefined : dateOf(pausedAtMs);
  return {
    queue,
    size,
    ...counts,
    ...stats,
    pausedAt,
    memoryBytes: memory?.bytes,
    memoryErrorBytes: memory?.errorBytes,
  };
}

/** Since when all of it is paused. */
function pausedAtOf(partitions: readonly QueueInfo[]): Date | undefined {
  const times = partitions.map(({ pausedAt }) => pausedAt?.getTime());
  return times.includes(undefined) ? undefined : dateOf(Math.max(...(times as number[])));
}
