import { decodeBackoff } from '../../wire/backoff-record.js';
import { readCrashes } from '../../wire/attempt-record.js';
import { decodeProgress } from '../../wire/task-progress.js';
import type { TaskState } from '../../wire/task-state.js';
import { fromS } from '../../wire/unix-time.js';
import type { StoredTask } from '../contract/lists.js';
import type { MemoryQueue } from './memory-store.js';

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
    crashes: readCrashes(task.crashes, stored.message, state).total,
    ...(task.backoff !== undefined && { backoff: decodeBackoff(task.backoff) }),
  };
}

function nextProcessAtMs(queue: MemoryQueue, taskId: string, state: TaskState, nowMs: number): number | undefined {
  if (state === 'pending') return nowMs;
  return state === 'scheduled' || state === 'retry' ? queue[state].score(taskId) : undefined;
}
