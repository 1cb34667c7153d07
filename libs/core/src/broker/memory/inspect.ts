import { readCrashes } from '../../wire/attempt-record.js';
import type { TaskState } from '../../wire/task-state.js';
import { decodeProgress } from '../../wire/task-progress.js';
import { fromS, utcDay } from '../../wire/unix-time.js';
import type { QueueStats, StoredTask } from '../inspect-roles.js';
import type { MemoryQueue, MemoryStore } from './memory-store.js';

export function queueStats(store: MemoryStore, queueName: string): QueueStats | undefined {
  if (!store.announced.has(queueName)) return undefined;
  const queue = store.queue(queueName);
  const today = queue.counters.on(utcDay(store.clock.nowMs()));
  return {
    counts: counts(queue),
    groups: queue.groupNames.size,
    processedToday: today.processed,
    failedToday: today.failed,
    processedTotal: queue.counters.total.processed,
    failedTotal: queue.counters.total.failed,
    isPaused: queue.pausedAtS !== undefined,
    latencyMs: latencyMs(queue, store.clock.nowNs()),
  };
}

function counts(queue: MemoryQueue): Record<TaskState, number> {
  const { pending, active, scheduled, retry, archived, completed } = queue;
  let aggregating = 0;
  for (const name of queue.groupNames) aggregating += queue.groups.get(name)?.size ?? 0;
  return {
    pending: pending.size,
    active: active.size,
    scheduled: scheduled.size,
    retry: retry.size,
    archived: archived.size,
    completed: completed.size,
    aggregating,
  };
}

function latencyMs(queue: MemoryQueue, nowNs: bigint): number {
  const nextId = queue.pending.right();
  const sinceNs = nextId === undefined ? undefined : queue.tasks.get(nextId)?.pendingSinceNs;
  return sinceNs === undefined ? 0 : Number((nowNs - sinceNs) / 1_000n) / 1_000;
}

export function findTask(store: MemoryStore, queueName: string, taskId: string): StoredTask | undefined {
  const queue = store.queue(queueName);
  const state = queue.tasks.get(taskId)?.state;
  return state && storedTask(queue, taskId, state);
}

/** A task that was found in `state`; `undefined` when it has no message. */
export function storedTask(queue: MemoryQueue, taskId: string, state: TaskState): StoredTask | undefined {
  const task = queue.tasks.get(taskId);
  const stored = queue.read(taskId);
  if (!stored || !task) return undefined;
  const nowMs = queue.clock.nowMs();
  const leaseEndsAtMs = fromS(queue.lease.score(taskId) ?? 0);
  return {
    message: stored.message,
    state,
    nextProcessAtMs: nextProcessAtMs(queue, taskId, state, nowMs),
    result: task.result && Uint8Array.from(task.result),
    progress: decodeProgress(task.progress, stored.message),
    isOrphaned: state === 'active' && leaseEndsAtMs <= nowMs,
    crashes: readCrashes(task.crashes, stored.message, state),
  };
}

function nextProcessAtMs(queue: MemoryQueue, taskId: string, state: TaskState, nowMs: number): number | undefined {
  if (state === 'pending') return nowMs;
  return state === 'scheduled' || state === 'retry' ? queue[state].score(taskId) : undefined;
}
