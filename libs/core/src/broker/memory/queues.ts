import type { TaskState } from '../../wire/task-state.js';
import { ceilS, floorS, fromS, latencyMs, utcDay } from '../../wire/unix-time.js';
import type { QueueOps } from '../contract/queues.js';
import type { MemoryQueue, MemoryStore } from './memory-store.js';
import { notifyChange } from './schedules.js';
import { notifyWaiters } from './waiting.js';

const DAY_MS = 24 * 3600 * 1000;

export function queueOps(store: MemoryStore): QueueOps {
  return {
    async queueNames() {
      return [...store.announced];
    },

    async hasQueue(queue) {
      return store.announced.has(queue);
    },

    async queueStats(queueName) {
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
        pausedAtMs: queue.pausedAtS === undefined ? undefined : fromS(queue.pausedAtS),
        wrongTypeKeys: [],
        latencyMs: waitedMs(queue, store.clock.nowNs()),
        overdueMs: overdueMs(queue, store.clock.nowMs()),
      };
    },

    async dailyCounts(queueName, days) {
      const { counters } = store.queue(queueName);
      return Array.from({ length: days }, (_, ago) => {
        const day = utcDay(store.clock.nowMs() - ago * DAY_MS);
        return { day, ...counters.on(day) };
      });
    },

    async archivedSince(queueName, sinceMs) {
      let count = 0;
      for (const { score } of store.queue(queueName).archived) if (score >= floorS(sinceMs)) count += 1;
      return count;
    },

    /** The size of an object is not known. */
    async memoryUsage() {
      return undefined;
    },

    async pause(queueName) {
      const queue = store.queue(queueName);
      if (queue.pausedAtS !== undefined) return false;
      queue.pausedAtS = floorS(store.clock.nowMs());
      return true;
    },

    async unpause(queueName) {
      const queue = store.queue(queueName);
      if (queue.pausedAtS === undefined) return false;
      queue.pausedAtS = undefined;
      queue.nudge();
      return true;
    },

    async removeQueue(queueName) {
      const queue = store.queue(queueName);
      const { pending, active, scheduled, retry, archived } = queue;
      if ([pending, active, scheduled, retry, archived].some(({ size }) => size > 0)) return false;
      for (const id of queue.lease.slice(0, queue.lease.size)) queue.lease.delete(id);
      queue.expectedGroups.clear();
      queue.stream = undefined;
      store.announced.delete(queueName);
      return true;
    },

    /** Counts tasks: a queue in memory has no other keys. */
    async purgeQueue(queueName) {
      const queue = store.queue(queueName);
      const { size } = queue.tasks;
      for (const [id] of queue.awaited.entries()) notifyWaiters(queue, id, 'removed');
      store.purge(queueName);
      for (const name of queue.schedules.keys()) notifyChange(store, queueName, name);
      return size;
    },
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

function waitedMs(queue: MemoryQueue, nowNs: bigint): number {
  const nextId = queue.pending.right();
  const sinceNs = nextId === undefined ? undefined : queue.tasks.get(nextId)?.pendingSinceNs;
  return latencyMs(sinceNs, nowNs);
}

/** To the second, as in Redis. */
function overdueMs({ scheduled, retry }: MemoryQueue, nowMs: number): number {
  const dueAtMs = [scheduled, retry].flatMap((set) => {
    const first = set.first();
    return first ? fromS(ceilS(first.score)) : [];
  });
  return nowMs - Math.min(...dueAtMs, nowMs);
}
