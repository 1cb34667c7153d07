import * as scripts from '../../scripts/scripts.generated.js';
import { keys } from '../../wire/keys.js';
import { floorS } from '../../wire/unix-time.js';
import type { RetentionOps } from '../contract/retention.js';
import { readLocks } from './locks.js';
import type { JoinedCommands } from './joined-commands.js';
import type { RedisLink } from './redis-link.js';

export function retentionOps(redis: RedisLink, joined: JoinedCommands): RetentionOps {
  return {
    async deleteExpiredCompleted(queue, limit) {
      const nowS = floorS(redis.clock.nowMs());
      const completed = keys.completed(queue);
      if (!(await joined.exists([completed]))) return 0;
      const find = (most: number): Promise<string[]> => {
        const read = redis.command('ZRANGEBYSCORE', (client) =>
          client.zrangebyscore(completed, '-inf', nowS, 'LIMIT', 0, most),
        );
        return redis.orElse(read, []);
      };
      return deleteUpTo(limit, find, async (ids) => {
        const deleted = await redis.run(
          scripts.deleteCompleted,
          { completed, task: ids.map((id) => keys.task(queue, id)) },
          { nowS },
          ids.map((taskId) => ({ taskId })),
        );
        return deleted as number;
      });
    },

    async trimArchived(queue, { maxAgeMs, maxSize }, limit) {
      const archived = keys.archived(queue);
      if (!(await joined.exists([archived]))) return 0;
      const cutoffS = floorS(redis.clock.nowMs() - maxAgeMs);
      const find = async (most: number): Promise<string[]> => {
        const read = redis.pipeline('ZCOUNT', (pipeline) => {
          pipeline.zcount(archived, '-inf', cutoffS).zcard(archived);
        });
        const [tooOld, size] = (await redis.orElse(read, [0, 0])) as [number, number];
        const excess = Math.min(Math.max(tooOld, size - maxSize), most); // the oldest come first in both cases
        if (excess <= 0) return [];
        return redis.command('ZRANGE', (client) => client.zrange(archived, '0', String(excess - 1)));
      };
      return deleteUpTo(limit, find, async (ids) => {
        const locks = await readLocks(redis, queue, ids);
        const deleted = await redis.run(
          scripts.trimArchived,
          { archived, task: ids.map((id) => keys.task(queue, id)), lock: locks.filter((lock) => lock !== '') },
          { cutoffS, maxSize },
          ids.map((taskId, i) => ({ taskId, hasLock: Number(locks[i] !== '') })),
        );
        return deleted as number;
      });
    },
  };
}

/** Looks again when some of the tasks that it found have gone meanwhile: there may be more. */
async function deleteUpTo(
  limit: number,
  find: (most: number) => Promise<readonly string[]>,
  deleteAll: (ids: readonly string[]) => Promise<number>,
): Promise<number> {
  for (let total = 0; ;) {
    const most = limit - total;
    const ids = await find(most);
    if (ids.length === 0) return total;
    const deleted = await deleteAll(ids);
    total += deleted;
    if (deleted === 0 || ids.length < most || total === limit) return total;
  }
}
