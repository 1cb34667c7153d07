import { floorS } from '../../wire/unix-time.js';
import type { ArchiveLimits } from '../roles.js';
import type { MemoryStore } from './memory-store.js';

export function deleteExpiredCompleted(store: MemoryStore, queueName: string, limit: number): number {
  const queue = store.queue(queueName);
  const expired = queue.completed.upTo(floorS(store.clock.nowMs()), limit);
  for (const id of expired) {
    queue.completed.delete(id);
    queue.tasks.delete(id);
  }
  return expired.length;
}

export function trimArchived(store: MemoryStore, queueName: string, limits: ArchiveLimits, limit: number): number {
  const queue = store.queue(queueName);
  const cutoffS = floorS(store.clock.nowMs() - limits.maxAgeMs);
  let deleted = 0;
  for (let oldest = queue.archived.first(); oldest && deleted < limit; oldest = queue.archived.first()) {
    if (oldest.score > cutoffS && queue.archived.size <= limits.maxSize) break;
    queue.archived.delete(oldest.id);
    queue.unlock(queue.tasks.get(oldest.id)?.uniqueKey, oldest.id);
    queue.tasks.delete(oldest.id);
    deleted += 1;
  }
  return deleted;
}
