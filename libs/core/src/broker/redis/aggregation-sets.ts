import * as scripts from '../../scripts/scripts.generated.js';
import { keys } from '../../wire/keys.js';
import { floorS } from '../../wire/unix-time.js';
import { type AggregationSet, LARGEST_SET } from '../contract/groups.js';
import { groupListKeys } from './group-names.js';
import type { RedisLink } from './redis-link.js';

export type SetName = Pick<AggregationSet, 'group' | 'setId' | 'deadlineS'>;

/** Returns the members of a set to their group, if the set still has this deadline. */
export async function giveBack(redis: RedisLink, queue: string, { group, setId, deadlineS }: SetName): Promise<void> {
  let moved: number;
  do {
    moved = (await redis.run(
      scripts.returnSet,
      {
        aggregationSet: keys.aggregationSet(queue, group, setId),
        aggregationSets: keys.aggregationSets(queue),
        group: keys.group(queue, group),
        ...groupListKeys(queue),
      },
      { deadlineS, limit: LARGEST_SET, groupName: group, nowS: floorS(redis.clock.nowMs()) },
    )) as number;
  } while (moved >= LARGEST_SET); // sets of Go servers may be larger
}
