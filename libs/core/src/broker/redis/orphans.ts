import * as scripts from '../../scripts/scripts.generated.js';
import { keys } from '../../wire/keys.js';
import type { RedisLink } from './redis-link.js';

/** Ids in one script call, and entries of `active` that it searches for each: Redis serves nobody else meanwhile. */
const BATCH = 100;
const REACH = 1_000;

/** Removes ids without a message from every set but `pending`, with their stub hashes; returns how many. */
export async function dropOrphans(redis: RedisLink, queue: string, ids: readonly string[]): Promise<number> {
  let removed = 0;
  for (let at = 0; at < ids.length; at += BATCH) removed += await dropBatch(redis, queue, ids.slice(at, at + BATCH));
  if (removed > 0) redis.logger.warn('dropped ids without a task', { queue, ids: ids.slice(0, 10), count: removed });
  return removed;
}

async function dropBatch(redis: RedisLink, queue: string, ids: readonly string[]): Promise<number> {
  return (await redis.run(
    scripts.dropOrphans,
    {
      active: keys.active(queue),
      lease: keys.lease(queue),
      scheduled: keys.scheduled(queue),
      retry: keys.retry(queue),
      archived: keys.archived(queue),
      completed: keys.completed(queue),
      task: ids.map((id) => keys.task(queue, id)),
    },
    { reach: REACH },
    ids.map((taskId) => ({ taskId })),
  )) as number;
}
