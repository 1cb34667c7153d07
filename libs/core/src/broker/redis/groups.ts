import { randomUUID } from 'node:crypto';
import * as scripts from '../../scripts/scripts.generated.js';
import { keys } from '../../wire/keys.js';
import { encodeTaskMessage, type TaskMessage } from '../../wire/task-message.js';
import { ceilS, floorS } from '../../wire/unix-time.js';
import {
  type AggregationSet,
  AWAITED_SIZES_LIFE_MS,
  type FinishReply,
  type GroupLimits,
  type GroupNews,
  type GroupOps,
  LARGEST_SET,
  SET_LIFE_S,
  type WaitingGroup,
} from '../group-roles.js';
import type { NewTask } from '../roles.js';
import { readStoredMessage } from '../stored-message.js';
import type { RedisLink } from './redis-link.js';
import type { RedisSubscriber } from './redis-subscriber.js';
import { type ScoredId, toScoredIds } from './scored-ids.js';

/** Groups that one round trip asks about. */
const GROUPS_PER_LOOK = 500;

/** A member of a set that cannot be aggregated, and what to archive in its place; no message: drop it. */
interface Misfit {
  readonly id: string;
  readonly message?: TaskMessage | undefined;
  /** Bytes to keep that do not decode. */
  readonly rawMessage?: Uint8Array | undefined;
}

type SetName = Pick<AggregationSet, 'group' | 'setId' | 'deadlineS'>;

export function groupOps(redis: RedisLink, subscriber: RedisSubscriber): GroupOps {
  /** Where the last call of `nameLostGroups` stopped looking at the expected groups of a queue. */
  const namedUpTo = new Map<string, number>();

  return {
    async waitingGroups(queue) {
      const names = (await redis.command('SMEMBERS', (client) => client.smembers(keys.groups(queue)))).toSorted();
      const groups: WaitingGroup[] = [];
      for (let at = 0; at < names.length; at += GROUPS_PER_LOOK) {
        groups.push(...(await readGroups(redis, queue, names.slice(at, at + GROUPS_PER_LOOK))));
      }
      return groups;
    },

    async takeRipe(queue, group, limits) {
      const deadlineS = floorS(redis.clock.nowMs()) + SET_LIFE_S;
      const set = { group, setId: randomUUID(), deadlineS };
      const ids = await take(redis, queue, set, limits);
      if (ids.length === 0) return undefined;
      const tasks = await readMembers(redis, queue, set, ids);
      return tasks.length > 0 ? { ...set, tasks } : undefined; // a set without members is gone
    },

    async awaitSizes(queue, sizes) {
      if (sizes.length === 0) return;
      const fullSizes = keys.fullSizes(queue);
      const nowMs = redis.clock.nowMs();
      const untilS = ceilS(nowMs + AWAITED_SIZES_LIFE_MS);
      await redis.pipeline('ZADD', (pipeline) => {
        pipeline
          .zremrangebyscore(fullSizes, '-inf', floorS(nowMs)) // of servers that are gone
          .zadd(fullSizes, ...sizes.flatMap((size) => [untilS, size]))
          .pexpire(fullSizes, AWAITED_SIZES_LIFE_MS);
      });
    },

    onGroupNews: (queue, listener) =>
      subscriber.subscribe(keys.groupsChannel(queue), (message) => {
        const space = message.indexOf(' ');
        listener(message.slice(space + 1), message.slice(0, space) as GroupNews);
      }),

    archiveMembers: (queue, set, messages) =>
      removeMisfits(
        redis,
        queue,
        set,
        messages.map((message) => ({ id: message.id, message })),
      ),

    finishSet: (queue, set, task) => finish(redis, queue, set, task),

    returnSet: (queue, set) => giveBack(redis, queue, set),

    async reclaimSets(queue, limit) {
      const nowS = floorS(redis.clock.nowMs());
      const stale = await redis.command('ZRANGEBYSCORE', (client) =>
        client.zrangebyscore(keys.aggregationSets(queue), '-inf', nowS, 'WITHSCORES', 'LIMIT', 0, limit),
      );
      const sets = stale.flatMap((key, at) =>
        at % 2 === 0 ? (toSetName(queue, key, Number(stale[at + 1])) ?? []) : [],
      );
      for (const set of sets) await giveBack(redis, queue, set);
      return sets.length;
    },

    async nameLostGroups(queue, limit) {
      const from = namedUpTo.get(queue) ?? 0;
      const { expected, seen } = await readExpectedGroups(redis, queue, from, limit);
      namedUpTo.set(queue, expected.length === limit ? from + limit : 0);
      const nowS = floorS(redis.clock.nowMs());
      const untilS = new Map(expected.map((name) => [name, 0]));
      for (const { group, untilS: atS } of seen) untilS.set(group, Math.max(untilS.get(group) ?? 0, atS, nowS));
      if (untilS.size === 0) return 0;
      const names = [...untilS.keys()];
      return (await redis.run(
        scripts.nameGroups,
        {
          groups: keys.groups(queue),
          expectedGroups: keys.expectedGroups(queue),
          group: names.map((name) => keys.group(queue, name)),
        },
        { forgetUntilS: nowS - SET_LIFE_S },
        names.map((groupName) => ({ groupName, untilS: untilS.get(groupName)! })),
      )) as number;
    },
  };
}

/** A group that tasks may join without its being named. */
interface ExpectedGroup {
  readonly group: string;
  /** Unix s. */
  readonly untilS: number;
}

/** A window of the names that are remembered, and the groups of sets and of tasks that wait for a retry. */
async function readExpectedGroups(
  redis: RedisLink,
  queue: string,
  from: number,
  limit: number,
): Promise<{ expected: string[]; seen: ExpectedGroup[] }> {
  const last = String(limit - 1);
  const [sets, retrying, expected] = (await redis.pipeline('ZRANGE', (pipeline) => {
    pipeline
      .zrange(keys.aggregationSets(queue), '0', last, 'WITHSCORES')
      .zrange(keys.retry(queue), '0', last, 'WITHSCORES')
      .zrange(keys.expectedGroups(queue), String(from), String(from + limit - 1));
  })) as [string[], string[], string[]];
  const ofSets = toScoredIds(sets).flatMap(({ id, score }) => toSetName(queue, id, Number(score)) ?? []);
  const tasks = toScoredIds(retrying);
  const groups = await readGroupFields(redis, queue, tasks);
  const ofTasks = tasks.map(({ score }, i) => ({ group: groups[i] ?? '', untilS: Number(score) }));
  return {
    expected,
    seen: [
      ...ofSets.map(({ group, deadlineS }) => ({ group, untilS: deadlineS })),
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
  return (await redis.pipeline('HGET', (pipeline) => {
    for (const { id } of tasks) pipeline.hget(keys.task(queue, id), 'group');
  })) as (string | null)[];
}

async function readGroups(redis: RedisLink, queue: string, names: readonly string[]): Promise<WaitingGroup[]> {
  const replies = await redis.pipeline('ZRANGE', (pipeline) => {
    for (const name of names) {
      const key = keys.group(queue, name);
      pipeline.zcard(key).zrange(key, '0', '0', 'WITHSCORES').zrange(key, '-1', '-1', 'WITHSCORES');
    }
  });
  return names.flatMap((name, i) => {
    const [size, oldest, newest] = replies.slice(3 * i) as [number, string[], string[]];
    // A name without tasks belongs to tasks that are scheduled; a group may also have been emptied between two replies.
    if (oldest.length === 0 || newest.length === 0) return [];
    return [{ name, size, oldestS: Number(oldest[1]), newestS: Number(newest[1]) }];
  });
}

async function take(redis: RedisLink, queue: string, set: SetName, limits: GroupLimits): Promise<string[]> {
  const { group, setId, deadlineS } = set;
  const groupsChannel = keys.groupsChannel(queue);
  const ids = (await redis.run(
    scripts.takeGroup,
    {
      group: keys.group(queue, group),
      aggregationSet: keys.aggregationSet(queue, group, setId),
      aggregationSets: keys.aggregationSets(queue),
      groups: keys.groups(queue),
    },
    { nowS: floorS(redis.clock.nowMs()), ...limits, limit: LARGEST_SET, deadlineS, groupName: group, groupsChannel },
  )) as Buffer[];
  return ids.map((id) => id.toString());
}

/** The sound messages of a set; all else is taken out of it. */
async function readMembers(
  redis: RedisLink,
  queue: string,
  set: SetName,
  ids: readonly string[],
): Promise<TaskMessage[]> {
  const found = (await redis.pipeline('HGET', (pipeline) => {
    for (const id of ids) pipeline.hgetBuffer(keys.task(queue, id), 'msg');
  })) as (Buffer | null)[];
  const sound: TaskMessage[] = [];
  const misfits: Misfit[] = [];
  ids.forEach((id, i) => {
    const rawMessage = found[i];
    const stored = rawMessage && readStoredMessage(queue, id, rawMessage);
    if (stored?.isSound) sound.push(stored.message);
    else misfits.push(stored ? { id, message: stored.message, rawMessage } : { id });
  });
  if (misfits.length > 0) await removeMisfits(redis, queue, set, misfits);
  return sound;
}

async function removeMisfits(
  redis: RedisLink,
  queue: string,
  { group, setId, deadlineS }: SetName,
  misfits: readonly Misfit[],
): Promise<number> {
  return (await redis.run(
    scripts.mendSet,
    {
      aggregationSet: keys.aggregationSet(queue, group, setId),
      aggregationSets: keys.aggregationSets(queue),
      archived: keys.archived(queue),
      task: misfits.map(({ id }) => keys.task(queue, id)),
    },
    { deadlineS, archivedAtS: floorS(redis.clock.nowMs()) },
    misfits.map(({ id, message, rawMessage }) => ({
      taskId: id,
      message: message ? encodeTaskMessage(message) : '',
      rawMessage: rawMessage ?? '',
    })),
  )) as number;
}

async function finish(redis: RedisLink, queue: string, set: AggregationSet, task: NewTask): Promise<FinishReply> {
  const { group, setId, deadlineS, tasks } = set;
  const { message, processAtMs, uniqueTtlS } = task;
  const ids = tasks.map(({ id }) => id);
  const locks = tasks.map(({ uniqueKey }) => lockOf(queue, uniqueKey));
  const ownLocks = locks.filter((lock) => lock !== '');
  const nowMs = redis.clock.nowMs();
  const isDelayed = processAtMs !== undefined && processAtMs > nowMs;
  const reply = (await redis.run(
    scripts.finishSet,
    {
      aggregationSet: keys.aggregationSet(queue, group, setId),
      aggregationSets: keys.aggregationSets(queue),
      pending: keys.pending(queue),
      scheduled: keys.scheduled(queue),
      awaited: keys.awaited(queue),
      aggregate: keys.task(queue, message.id),
      task: ids.map((id) => keys.task(queue, id)),
      lock: uniqueTtlS === undefined ? ownLocks : [...ownLocks, message.uniqueKey],
    },
    {
      deadlineS,
      aggregateId: message.id,
      message: encodeTaskMessage(message),
      uniqueTtlS: uniqueTtlS ?? 0,
      pendingSinceNs: redis.clock.nowNs(),
      processAtS: isDelayed ? ceilS(processAtMs) : 0,
      dueAtMs: isDelayed ? Math.ceil(processAtMs) : 0,
      nudgeChannel: keys.nudgeChannel(queue),
      endedChannel: keys.endedChannel(queue),
    },
    ids.map((taskId, i) => ({ taskId, hasLock: Number(locks[i] !== '') })),
  )) as number | Buffer;
  if (Buffer.isBuffer(reply)) return { status: 'duplicate', holderId: reply.toString() };
  return { status: reply === 1 ? 'finished' : reply === 0 ? 'idConflict' : 'setLost' };
}

async function giveBack(redis: RedisLink, queue: string, { group, setId, deadlineS }: SetName): Promise<void> {
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

/** '' for none. Go writes the name of a member's lock in its message alone. A name of another queue would leave the slot. */
const lockOf = (queue: string, uniqueKey: string): string =>
  uniqueKey.startsWith(keys.uniquePrefix(queue)) ? uniqueKey : '';

/** `undefined` for a key that is no set of this queue: to touch it could leave the queue's slot. */
function toSetName(queue: string, key: string, deadlineS: number): SetName | undefined {
  const prefix = keys.group(queue, '');
  const end = key.lastIndexOf(':');
  if (!key.startsWith(prefix) || end <= prefix.length) return undefined;
  return { group: key.slice(prefix.length, end), setId: key.slice(end + 1), deadlineS };
}
