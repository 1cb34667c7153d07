import { keys } from '../../wire/keys.js';
import type { RedisLink } from './redis-link.js';
import { setMembers } from './set-members.js';

/** Groups per round trip: there may be very many. */
const PAGE = 500;

/** Where groups are listed, and when tasks joined them. */
export const groupListKeys = (queue: string) => ({
  groups: keys.groups(queue),
  expectedGroups: keys.expectedGroups(queue),
  newest: keys.groupsByNewest(queue),
  oldest: keys.groupsByOldest(queue),
});

/** The names of all groups, sorted. */
export const readGroupNames = async (redis: RedisLink, queue: string): Promise<string[]> =>
  (await setMembers(redis, keys.groups(queue))).sort();

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
