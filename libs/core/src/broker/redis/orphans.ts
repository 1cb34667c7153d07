import * as scripts from '../../scripts/scripts.generated.js';
import { keys } from '../../wire/keys.js';
import type { RedisLink } from './redis-link.js';

/** Removes ids without a message from every set, with their stub hashes; returns how many. */
export async function dropOrphans(redis: RedisLink, queue: string, ids: readonly string[]): Promise<number> {
  if (ids.length === 0) return 0;
  const removed = (await redis.run(
    scripts.dropOrphans,
    {
      pending: keys.pending(queue),
      active: keys.active(queue),
      lease: keys.lease(queue),
      scheduled: keys.scheduled(queue),
      retry: keys.retry(queue),
      archived: keys.archived(queue),
      completed: keys.completed(queue),
      task: ids.map((id) => keys.task(queue, id)),
    },
    {},
    ids.map((taskId) => ({ taskId })),
  )) as number;
  if (removed > 0) redis.logger.warn('dropped ids without a task', { queue, ids: ids.slice(0, 10), count: removed });
  return removed;
}
