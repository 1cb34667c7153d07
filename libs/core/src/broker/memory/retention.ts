import { floorS } from '../../wire/unix-time.js';
import type { RetentionOps } from '../contract/retention.js';
import type { MemoryStore } from './memory-store.js';

export function retentionOps(store: MemoryStore): RetentionOps {
  return {
    async deleteExpiredCompleted(queueName, limit) {
      const queue = store.queue(queueName);
      const expired = queue.completed.upTo(floorS(store.clock.nowMs()), limit);
      for (const id of expired) {
        queue.completed.delete(id);
        queue.tasks.delete(id);
      }
      return expired.length;
    },

    async trimArchived(queueName, limits, limit) {
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
    },
  };
}
