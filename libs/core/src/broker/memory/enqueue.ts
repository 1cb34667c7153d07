import { encodeTaskMessage } from '../../wire/task-message.js';
import { ceilS } from '../../wire/unix-time.js';
import type { EnqueueOps, EnqueueOutcome, NewTask } from '../contract/enqueue.js';
import type { MemoryQueue, MemoryStore, MemoryTask } from './memory-store.js';

export function enqueueOps(store: MemoryStore): EnqueueOps {
  return {
    async enqueue(tasks) {
      return tasks.map((task) => {
        const { queue } = task.message;
        store.announced.add(queue);
        return writeTask(store, task);
      });
    },

    async announceQueues(queues) {
      for (const queue of queues) store.announced.add(queue);
    },
  };
}

/** Writes a task, if neither its id nor its lock is taken. */
export function writeTask(store: MemoryStore, task: NewTask): EnqueueOutcome {
  const outcome = write(store.queue(task.message.queue), task, store.clock.nowMs());
  if (outcome.status !== 'idConflict' && outcome.status !== 'duplicate') {
    for (const listener of store.writtenListeners) listener(task);
  }
  return outcome;
}

function write(
  queue: MemoryQueue,
  { message, processAtMs, uniqueTtlS, backoff }: NewTask,
  nowMs: number,
): EnqueueOutcome {
  const { id, uniqueKey, groupKey } = message;
  // The id before the lock: a conflict must not leave a lock behind.
  if (queue.isTaken(id)) return { status: 'idConflict' };
  const task: MemoryTask = { msg: encodeTaskMessage(message) };
  if (uniqueTtlS !== undefined) {
    const holderId = queue.locks.get(uniqueKey);
    if (holderId !== undefined) return { status: 'duplicate', holderId };
    queue.locks.set(uniqueKey, id, nowMs + uniqueTtlS * 1000);
    task.uniqueKey = uniqueKey;
  }
  if (backoff !== undefined) task.backoff = backoff;
  queue.clearExpired(id);
  queue.tasks.set(id, task);
  if (processAtMs !== undefined && processAtMs > nowMs) {
    if (groupKey) {
      task.group = groupKey;
      queue.expectGroup(groupKey, ceilS(processAtMs));
    }
    queue.makeDelayed(id, task, 'scheduled', processAtMs);
    return { status: 'scheduled' };
  }
  if (groupKey) {
    queue.makeAggregating(id, task, groupKey);
    return { status: 'aggregating' };
  }
  queue.makePending(id, task, 'left');
  return { status: 'pending' };
}
