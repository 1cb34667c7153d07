import * as scripts from '../../scripts/scripts.generated.js';
import { keys } from '../../wire/keys.js';
import { type AggregationSet, LARGEST_SET } from '../contract/groups.js';
import type { RedisLink } from './redis-link.js';

export type SetName = Pick<AggregationSet, 'group' | 'setId' | 'deadlineS'>;

/** Gives the members of a set back to their group, if it has this deadline still. */
export async function giveBack(redis: RedisLink, queue: string, { group, setId, deadlineS }: SetName): Promise<void> {
  let moved: number;
  do {
    moved = (await redis.run(
      scripts.returnSet,
      {
        aggregationSet: keys.aggregationSet(queue, group, setId),
        aggregationSets: keys.aggregationSets(queue),
        group: keys.group(queue, group),
        groups: keys.groups(queue),
      },
      { deadlineS, limit: LARGEST_SET, groupName: group },
    )) as number;
  } while (moved >= LARGEST_SET); // those of Go may be larger
}
