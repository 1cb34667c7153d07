import type { MemoryStore } from './memory-store.js';
import { tellChange } from './schedule.js';
import { tellWaiters } from './wait.js';

export function removeQueue(store: MemoryStore, queueName: string): boolean {
  const queue = store.queue(queueName);
  const { pending, active, scheduled, retry, archived } = queue;
  if ([pending, active, scheduled, retry, archived].some(({ size }) => size > 0)) return false;
  for (const id of queue.lease.slice(0, queue.lease.size)) queue.lease.delete(id);
  queue.expectedGroups.clear();
  store.announced.delete(queueName);
  return true;
}

/** Counts tasks: a queue in memory has no other keys. */
export function purgeQueue(store: MemoryStore, queueName: string): number {
  const queue = store.queue(queueName);
  const { size } = queue.tasks;
  for (const [id] of queue.awaited.entries()) tellWaiters(queue, id, 'removed');
  store.purge(queueName);
  for (const name of queue.schedules.keys()) tellChange(store, queueName, name);
  return size;
}
