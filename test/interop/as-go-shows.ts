import type { GroupInfo, QueueInfo, ServerInfo, TaskInfo } from '@nestjs-asynq/core';
import type { DailyStats, SchedulerEntry } from '@nestjs-asynq/core/internal';

const DAY_MS = 86_400_000;

/** A queue under Go's names. */
export function asGoShowsQueue({ queue, isPaused, latencyMs: _, memoryBytes: __, ...rest }: QueueInfo): object {
  const { processedToday, failedToday, wrongTypeKeys: ___, pausedAt: ____, ...more } = rest;
  const { memoryErrorBytes: _____, overdueMs: ______, ...others } = more;
  const renamed = Object.entries(others).map(([name, value]) => [name[0]!.toUpperCase() + name.slice(1), value]);
  const today = { Processed: processedToday, Failed: failedToday };
  return { Queue: queue, Paused: isPaused, ...today, ...Object.fromEntries(renamed) };
}

/** A task under Go's names. */
export function asGoShowsTask(task: TaskInfo): object {
  return {
    ID: task.id,
    Queue: task.queue,
    Type: task.type,
    State: task.state,
    Payload: text(task.payload),
    Result: task.result === undefined ? null : Buffer.from(task.result).toString(),
    MaxRetry: task.maxRetry,
    Retried: task.retried,
    LastErr: task.lastError,
    IsOrphaned: task.isOrphaned,
    Group: task.group ?? '',
    TimeoutS: (task.timeoutMs ?? 0) / 1000,
    Deadline: task.deadline ?? null,
    RetentionS: task.retentionMs / 1000,
  };
}

/** A group under Go's names. */
export function asGoShowsGroup({ group, size }: GroupInfo): object {
  return { Group: group, Size: size };
}

/** A server under Go's names; its workers by task id. */
export function asGoShowsServer({ workers, ...server }: ServerInfo): object {
  const shown = workers.map(({ taskId, taskType, taskPayload, queue }) => ({
    TaskID: taskId,
    TaskType: taskType,
    TaskPayload: orNull(text(taskPayload)),
    Queue: queue,
  }));
  return {
    Queues: server.queues,
    Concurrency: server.concurrency,
    StrictPriority: server.strictPriority,
    Status: server.status,
    ActiveWorkers: shown.toSorted((a, b) => (a.TaskID < b.TaskID ? -1 : 1)),
  };
}

/** A day's counters under Go's names; the day by its distance from today. */
export function asGoShowsDay({ queue, day, processed, failed }: DailyStats, nowMs: number): object {
  const daysAgo = Math.floor(nowMs / DAY_MS) - Date.parse(day) / DAY_MS;
  return { Queue: queue, DaysAgo: daysAgo, Processed: processed, Failed: failed };
}

/** A scheduler's entry under Go's names. */
export function asGoShowsEntry(entry: SchedulerEntry): object {
  return {
    ID: '<uuid>',
    Spec: entry.spec,
    TaskType: entry.taskType,
    TaskPayload: orNull(text(entry.taskPayload)),
    Opts: orNull(entry.options),
    Next: goTime(entry.nextEnqueueAt),
    Prev: goTime(entry.prevEnqueueAt),
  };
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

/** Go has no value where ours is empty. */
const orNull = <T extends { readonly length: number }>(value: T): T | null => (value.length === 0 ? null : value);

/** A Go time that was never set is the start of year 1. */
const goTime = (at: Date | undefined): string =>
  at === undefined ? '0001-01-01T00:00:00Z' : at.toISOString().replace('.000', '');
