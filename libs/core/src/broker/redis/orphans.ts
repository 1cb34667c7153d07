import * as scripts from '../../scripts/scripts.generated.js';
import { keys } from '../../wire/keys.js';
import type { RedisLink } from './redis-link.js';

/** Ids per script call, and entries of `active` searched for each: Redis serves no other client while a script runs. */
const BATCH = 100;
const REACH = 1_000;

/** Removes ids without a message from every set except `pending`, and deletes their stub hashes; returns how many. */
export async function removeOrphans(redis: RedisLink, queue: string, ids: readonly string[]): Promise<number> {
  let removed = 0;
  for (let at = 0; at < ids.length; at += BATCH) removed += await dropBatch(redis, queue, ids.slice(at, at + BATCH));
  return removed;
}

/** The same, and logs them. */
export async function dropOrphans(redis: RedisLink, queue: string, ids: readonly string[]): Promise<number> {
  const removed = await removeOrphans(redis, queue, ids);
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
