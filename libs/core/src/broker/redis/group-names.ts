import { keys } from '../../wire/keys.js';
import type { RedisLink } from './redis-link.js';

/** Names per call, and groups per round trip: there may be very many. */
const PAGE = 500;

/** Where groups are listed, and when tasks joined them. */
export const groupListKeys = (queue: string) => ({
  groups: keys.groups(queue),
  expectedGroups: keys.expectedGroups(queue),
  newest: keys.groupsByNewest(queue),
  oldest: keys.groupsByOldest(queue),
});

/** The names of all groups, sorted; read in pages, so one that is added or removed in between may be missed. */
export async function readGroupNames(redis: RedisLink, queue: string): Promise<string[]> {
  const names = new Set<string>(); // pages may repeat names
  let cursor = '0';
  do {
    const [next, page] = await redis.command('SSCAN', (client) =>
      client.sscan(keys.groups(queue), cursor, 'COUNT', PAGE),
    );
    for (const name of page) names.add(name);
    cursor = next;
  } while (cursor !== '0');
  return [...names].toSorted();
}

/** How many tasks wait in each of the groups; `null` where the key is of another type. */
export async function readGroupSizes(
  redis: RedisLink,
  queue: string,
  names: readonly string[],
): Promise<(number | null)[]> {
  const sizes: (number | null)[] = [];
  for (let at = 0; at < names.length; at += PAGE) {
    const replies = await redis.pipeline(
      'ZCARD',
      (pipeline) => {
        for (const name of names.slice(at, at + PAGE)) pipeline.zcard(keys.group(queue, name));
      },
      null,
    );
    sizes.push(...(replies as (number | null)[]));
  }
  return sizes;
}
