import { type CancelOutcome, cancelOutcomeIn, encodeCancelRecord } from '../../wire/cancel-record.js';
import { AWAITED_LIFE_MS, type TaskEnding, type WaitOps } from '../contract/waiting.js';
import type { MemoryQueue, MemoryStore, MemoryTask } from './memory-store.js';
import { subscribe } from './subscribe.js';
import { queueMicrotask } from '../../runtime/microtasks.js';

export function waitOps(store: MemoryStore): WaitOps {
  return {
    async awaitTask(queueName, taskId) {
      const queue = store.queue(queueName);
      const state = queue.tasks.get(taskId)?.state;
      if (state === undefined && queue.awaited.get(taskId) === 'deleted') return 'deleted';
      queue.awaited.set(taskId, 'waiting', store.clock.nowMs() + AWAITED_LIFE_MS);
      return state;
    },

    async onTaskEnded(queue, listener) {
      return subscribe(store.queue(queue).endedListeners, (taskId, ending) => listener(taskId, ending));
    },

    async publishCancel(taskId) {
      signalCancel(store, taskId);
    },

    async onCancel(listener) {
      return subscribe(store.cancelListeners, (taskId) => listener(taskId));
    },

    async requestCancel(queueName, taskId, outcome) {
      const queue = store.queue(queueName);
      const task = queue.tasks.get(taskId);
      const stored = queue.read(taskId);
      if (task?.state !== 'active' || !stored) return false;
      task.cancelThen = encodeCancelRecord(outcome, stored.message);
      signalCancel(store, taskId);
      return true;
    },

    async requestedOutcome(queue, taskId) {
      return requestedOutcome(store.queue(queue).tasks.get(taskId));
    },
  };
}

/** Notifies clients that wait for a task of its end: asynchronously, never within the operation. */
export function notifyWaiters(queue: MemoryQueue, taskId: string, ending: TaskEnding): void {
  if (queue.awaited.get(taskId) !== 'waiting') return;
  if (ending === 'deleted') queue.awaited.set(taskId, 'deleted', queue.awaited.expiresAtMs(taskId)!);
  else queue.awaited.delete(taskId);
  for (const listener of queue.endedListeners) queueMicrotask(() => listener(taskId, ending));
}

/** Asks all servers to cancel a task. */
function signalCancel(store: MemoryStore, taskId: string): void {
  for (const listener of store.cancelListeners) queueMicrotask(() => listener(taskId));
}

export function requestedOutcome(task: MemoryTask | undefined): CancelOutcome | undefined {
  return task?.cancelThen === undefined ? undefined : cancelOutcomeIn(task.cancelThen);
}
