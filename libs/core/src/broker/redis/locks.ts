import { keys } from '../../wire/keys.js';
import type { RedisLink } from './redis-link.js';

/** The lock that each task holds or held, '' for none. Only locks of the queue: others may be in another slot. */
export async function readLocks(redis: RedisLink, queue: string, ids: readonly string[]): Promise<string[]> {
  const names = (await redis.pipeline(
    'HGET',
    (pipeline) => {
      for (const id of ids) pipeline.hget(keys.task(queue, id), 'unique_key');
    },
    null,
  )) as (string | null)[];
  return names.map((name) => (name?.startsWith(keys.uniquePrefix(queue)) ? name : ''));
}
