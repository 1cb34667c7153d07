import * as scripts from '../../scripts/scripts.generated.js';
import { keys } from '../../wire/keys.js';
import { floorS } from '../../wire/unix-time.js';
import { type GroupOps, SET_LIFE_S } from '../contract/groups.js';
import { giveBack, type SetName } from './aggregation-sets.js';
import type { JoinedCommands } from './joined-commands.js';
import type { RedisLink } from './redis-link.js';
import { type ScoredId, scoreOf, toScoredIds } from './scored-ids.js';

export function groupRepairOps(
  redis: RedisLink,
  joined: JoinedCommands,
): Pick<GroupOps, 'reclaimSets' | 'nameLostGroups'> {
  /** By queue: where the last call of `nameLostGroups` stopped in the expected groups. */
  const namedUpTo = new Map<string, number>();

  return {
    async reclaimSets(queue, limit) {
      if (!(await joined.exists([keys.aggregationSets(queue)]))) return 0;
      const nowS = floorS(redis.clock.nowMs());
      const read = redis.command('ZRANGEBYSCORE', (client) =>
        client.zrangebyscore(keys.aggregationSets(queue), '-inf', nowS, 'WITHSCORES', 'LIMIT', 0, limit),
      );
      const sets = toSetNames(queue, await redis.orElse(read, []));
      for (const set of sets) await redis.orElse(giveBack(redis, queue, set), undefined);
      return sets.length;
    },

    async nameLostGroups(queue, limit) {
      const sources = [keys.aggregationSets(queue), keys.retry(queue), keys.expectedGroups(queue)];
      if (!(await joined.exists(sources))) return 0;
      const from = namedUpTo.get(queue) ?? 0;
      const { expected, seen } = await readExpectedGroups(redis, queue, from, limit);
      const nowS = floorS(redis.clock.nowMs());
      const untilS = new Map(expected.map((name) => [name, 0]));
      for (const { group, untilS: atS } of seen) untilS.set(group, Math.max(untilS.get(group) ?? 0, atS, nowS));
      if (untilS.size === 0) return 0;
      const names = [...untilS.keys()];
      const [named, forgotten] = (await redis.run(
        scripts.nameGroups,
        {
          groups: keys.groups(queue),
          expectedGroups: keys.expectedGroups(queue),
          scheduled: keys.scheduled(queue),
          retry: keys.retry(queue),
          aggregationSets: keys.aggregationSets(queue),
          group: names.map((name) => keys.group(queue, name)),
        },
        { forgetUntilS: nowS - SET_LIFE_S, nowS },
        names.map((groupName) => ({ groupName, untilS: untilS.get(groupName)! })),
      )) as [number, number];
      namedUpTo.set(queue, expected.length === limit ? from + limit - forgotten : 0);
      return named;
    },
  };
}

/** A group that Go may add tasks to without naming it. */
interface ExpectedGroup {
  readonly group: string;
  /** Unix s. */
  readonly untilS: number;
}

/** A window of the remembered names, and the groups of sets and of retry tasks. */
async function readExpectedGroups(
  redis: RedisLink,
  queue: string,
  from: number,
  limit: number,
): Promise<{ expected: string[]; seen: ExpectedGroup[] }> {
  const last = String(limit - 1);
  const [sets, retrying, expected] = (await redis.pipeline(
    'ZRANGE',
    (pipeline) => {
      pipeline
        .zrange(keys.aggregationSets(queue), '0', last, 'WITHSCORES')
        .zrange(keys.retry(queue), '0', last, 'WITHSCORES')
        .zrange(keys.expectedGroups(queue), String(from), String(from + limit - 1));
    },
    [],
  )) as [string[], string[], string[]];
  const tasks = toScoredIds(retrying);
  const groups = await readGroupFields(redis, queue, tasks);
  const ofTasks = tasks.map(({ score }, i) => ({ group: groups[i] ?? '', untilS: scoreOf(score) }));
  return {
    expected,
    seen: [
      ...toSetNames(queue, sets).map(({ group, deadlineS }) => ({ group, untilS: deadlineS })),
      ...ofTasks.filter(({ group }) => group !== ''),
    ],
  };
}

async function readGroupFields(
  redis: RedisLink,
  queue: string,
  tasks: readonly ScoredId[],
): Promise<(string | null)[]> {
  if (tasks.length === 0) return [];
  return (await redis.pipeline(
    'HGET',
    (pipeline) => {
      for (const { id } of tasks) pipeline.hget(keys.task(queue, id), 'group');
    },
    null,
  )) as (string | null)[];
}

/** The members of `aggregation_sets` that are sets of this queue: other keys may belong to another slot. */
function toSetNames(queue: string, flat: readonly string[]): SetName[] {
  const prefix = keys.group(queue, '');
  return toScoredIds(flat).flatMap(({ id: key, score }) => {
    const end = key.lastIndexOf(':');
    if (!key.startsWith(prefix) || end <= prefix.length) return [];
    return [{ group: key.slice(prefix.length, end), setId: key.slice(end + 1), deadlineS: scoreOf(score) }];
  });
}
