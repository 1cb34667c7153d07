import * as scripts from '../../scripts/scripts.generated.js';
import { keys } from '../../wire/keys.js';
import { floorS } from '../../wire/unix-time.js';
import type { RetentionOps } from '../contract/retention.js';
import { readLocks } from './locks.js';
import type { RedisLink } from './redis-link.js';

export function retentionOps(redis: RedisLink): RetentionOps {
  return {
    async deleteExpiredCompleted(queue, limit) {
      const nowS = floorS(redis.clock.nowMs());
      const completed = keys.completed(queue);
      const ids = await redis.command('ZRANGEBYSCORE', (client) =>
        client.zrangebyscore(completed, '-inf', nowS, 'LIMIT', 0, limit),
      );
      if (ids.length === 0) return 0;
      return (await redis.run(
        scripts.deleteCompleted,
        { completed, task: ids.map((id) => keys.task(queue, id)) },
        { nowS },
        ids.map((taskId) => ({ taskId })),
      )) as number;
    },

    async trimArchived(queue, { maxAgeMs, maxSize }, limit) {
      const archived = keys.archived(queue);
      const cutoffS = floorS(redis.clock.nowMs() - maxAgeMs);
      const [tooOld, size] = (await redis.pipeline('ZCOUNT', (pipeline) => {
        pipeline.zcount(archived, '-inf', cutoffS).zcard(archived);
      })) as [number, number];
      const excess = Math.min(Math.max(tooOld, size - maxSize), limit); // the oldest come first in both cases
      if (excess <= 0) return 0;

      const ids = await redis.command('ZRANGE', (client) => client.zrange(archived, '0', String(excess - 1)));
      const locks = await readLocks(redis, queue, ids);
      return (await redis.run(
        scripts.trimArchived,
        { archived, task: ids.map((id) => keys.task(queue, id)), lock: locks.filter((lock) => lock !== '') },
        { cutoffS, maxSize },
        ids.map((taskId, i) => ({ taskId, hasLock: Number(locks[i] !== '') })),
      )) as number;
    },
  };
}
