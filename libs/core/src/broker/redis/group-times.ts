import * as scripts from '../../scripts/scripts.generated.js';
import { keys } from '../../wire/keys.js';
import { floorS } from '../../wire/unix-time.js';
import { GROUP_ORDER_LIFE_MS, type GroupOps, type GroupOrder } from '../contract/groups.js';
import type { RedisLink } from './redis-link.js';
import { scoreOf, toScoredIds } from './scored-ids.js';

/** Names per page: Redis serves no other client while it checks them. */
const PAGE = 100;
/** Keeps a sorted set in existence while it holds no group; a group has a longer name. */
const PLACEHOLDER = '';

/** Finds groups: by their times, and all of them in pages. */
export function groupTimesOps(redis: RedisLink): Pick<GroupOps, 'waitingGroups' | 'orderGroups' | 'groupsByTime'> {
  /** By queue: how far the order has been searched for groups without tasks, which Go leaves behind. */
  const searchedUpTo = new Map<string, number>();

  return {
    async waitingGroups(queue, position = '0') {
      const from = searchedUpTo.get(queue) ?? 0;
      const [scanned, ordered] = (await redis.pipeline(
        'SSCAN',
        (pipeline) => {
          pipeline
            .sscan(keys.groups(queue), position, 'COUNT', PAGE)
            .zrange(keys.groupsByNewest(queue), String(from), String(from + PAGE - 1));
        },
        [], // each is a hint for the other
      )) as [[cursor?: string, names?: string[]], string[]];
      const [cursor = '0', named = []] = scanned;
      if (scanned.length === 0) await redis.reportOddKey('SSCAN', keys.groups(queue), 'set');
      const known = ordered.filter((name) => name !== PLACEHOLDER);
      const names = new Set([...named, ...known].filter((name) => name !== PLACEHOLDER));
      const checked = await checkGroups(redis, queue, [...names]);
      const left = known.filter((name) => checked.get(name)!.size > 0).length;
      searchedUpTo.set(queue, ordered.length < PAGE ? 0 : from + left);
      return {
        groups: [...checked.values()].filter(({ size }) => size > 0),
        next: cursor === '0' ? undefined : cursor,
      };
    },

    async orderGroups(queue, orders) {
      const added = redis.pipeline('ZADD', (pipeline) => {
        for (const order of orders) {
          pipeline
            .zadd(orderKey(queue, order), 'NX', '+inf', PLACEHOLDER)
            .pexpire(orderKey(queue, order), GROUP_ORDER_LIFE_MS);
        }
      });
      const replies = await redis.orElse(added, []);
      return orders.some((_, i) => replies[2 * i] === 1);
    },

    async groupsByTime(queue, order, after, limit) {
      const { name: memberId, atS: score } = after ?? { name: '', atS: '-inf' };
      const read = redis.run(scripts.entriesAfter, { source: orderKey(queue, order) }, { score, memberId, limit });
      const flat = (await redis.orElse(read, [])) as Buffer[];
      return toScoredIds(flat.map(String))
        .filter(({ id }) => id !== PLACEHOLDER)
        .map(({ id, score: atS }) => ({ name: id, atS: scoreOf(atS) }));
    },
  };
}

const orderKey = (queue: string, order: GroupOrder): string =>
  order === 'newest' ? keys.groupsByNewest(queue) : keys.groupsByOldest(queue);

/** Reads groups, and corrects their times. */
async function checkGroups(redis: RedisLink, queue: string, names: readonly string[]) {
  const replies =
    names.length === 0
      ? []
      : ((await redis.run(
          scripts.checkGroups,
          {
            newest: keys.groupsByNewest(queue),
            oldest: keys.groupsByOldest(queue),
            group: names.map((name) => keys.group(queue, name)),
          },
          { nowS: floorS(redis.clock.nowMs()) },
          names.map((groupName) => ({ groupName })),
        )) as (number | Buffer)[]);
  const groups = new Map(
    names.map((name, i) => {
      const [size, oldest, newest] = replies.slice(3 * i, 3 * i + 3);
      const group = { name, size: size as number, oldestS: scoreOf(String(oldest)), newestS: scoreOf(String(newest)) };
      return [name, group] as const;
    }),
  );
  for (const { name, size } of groups.values()) {
    if (size < 0) await redis.reportOddKey('ZCARD', keys.group(queue, name), 'zset');
  }
  return groups;
}
