import { groupRepairOps } from './group-repair.js';
import { randomUUID } from 'node:crypto';
import type { RedisCommandError } from '../../errors/redis-command.error.js';
import * as scripts from '../../scripts/scripts.generated.js';
import { readChannelMessage } from '../../wire/channel-message.js';
import { keys } from '../../wire/keys.js';
import { encodeTaskMessage, type TaskMessage } from '../../wire/task-message.js';
import { ceilS, floorS } from '../../wire/unix-time.js';
import type { NewTask } from '../contract/enqueue.js';
import {
  type AggregationSet,
  AWAITED_SIZES_LIFE_MS,
  type FinishReply,
  type GroupLimits,
  type GroupNews,
  type GroupOps,
  LARGEST_SET,
  LARGEST_SET_BYTES,
  SET_LIFE_S,
  type WaitingGroup,
} from '../contract/groups.js';
import { readStoredMessage } from '../stored-message.js';
import { readGroupNames } from './group-names.js';
import { newTaskArgs } from './new-task.js';
import { readHashes } from './read-hashes.js';
import { giveBack, type SetName } from './aggregation-sets.js';
import type { RedisLink } from './redis-link.js';
import type { RedisSubscriber } from './redis-subscriber.js';

/** Groups that one round trip asks about. */
const GROUPS_PER_LOOK = 500;

/** A member of a set that cannot be aggregated, and what to archive in its place; no message: drop it. */
interface InvalidMember {
  readonly id: string;
  readonly message?: TaskMessage | undefined;
  /** Bytes to keep that do not decode. */
  readonly rawMessage?: Uint8Array | undefined;
}

export function groupOps(redis: RedisLink, subscriber: RedisSubscriber): GroupOps {
  /** Sets, by queue, that a failed call may have taken: nobody works on them. */
  const unconfirmed = new Map<string, SetName[]>();

  /** What Redis refuses to give back waits for its deadline, like the sets of a server that died. */
  async function giveBackUnconfirmed(queue: string): Promise<void> {
    const sets = unconfirmed.get(queue) ?? [];
    for (let set = sets[0]; set; set = sets[0]) {
      try {
        await giveBack(redis, queue, set);
      } catch (error) {
        if ((error as RedisCommandError).isTransient) throw error;
      }
      sets.shift();
    }
  }

  return {
    async waitingGroups(queue) {
      await giveBackUnconfirmed(queue);
      const names = await readGroupNames(redis, queue);
      const groups: WaitingGroup[] = [];
      for (let at = 0; at < names.length; at += GROUPS_PER_LOOK) {
        groups.push(...(await readGroups(redis, queue, names.slice(at, at + GROUPS_PER_LOOK))));
      }
      return groups;
    },

    async takeRipe(queue, group, limits) {
      const deadlineS = floorS(redis.clock.nowMs()) + SET_LIFE_S;
      const set = { group, setId: randomUUID(), deadlineS };
      try {
        const ids = await take(redis, queue, set, limits);
        if (ids.length === 0) return undefined;
        const tasks = await readMembers(redis, queue, set, ids);
        return tasks.length > 0 ? { ...set, tasks } : undefined; // a set without members is gone
      } catch (error) {
        unconfirmed.set(queue, [...(unconfirmed.get(queue) ?? []), set]);
        throw error;
      }
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
        const { word, name } = readChannelMessage(message);
        listener(name, word as GroupNews);
      }),

    archiveMembers: (queue, set, messages) =>
      removeInvalidMembers(
        redis,
        queue,
        set,
        messages.map((message) => ({ id: message.id, message })),
      ),

    finishSet: (queue, set, task) => finish(redis, queue, set, task),

    returnSet: (queue, set) => giveBack(redis, queue, set),

    ...groupRepairOps(redis),
  };
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
    // Of a group that was emptied between two replies, or by a Go server that left the name.
    if (oldest.length === 0 || newest.length === 0) return [];
    return [{ name, size, oldestS: Number(oldest[1]), newestS: Number(newest[1]) }];
  });
}

/** How many of the tasks that wait longest a set may hold. */
async function fittingSize(redis: RedisLink, queue: string, group: string): Promise<number> {
  const key = keys.group(queue, group);
  const ids = await redis.command('ZRANGE', (client) => client.zrange(key, '0', String(LARGEST_SET - 1)));
  if (ids.length === 0) return LARGEST_SET;
  const sizes = (await redis.pipeline('HSTRLEN', (pipeline) => {
    for (const id of ids) pipeline.hstrlen(keys.task(queue, id), 'msg');
  })) as number[];
  let bytes = 0;
  const end = sizes.findIndex((size, i) => (bytes += size) > LARGEST_SET_BYTES && i > 0);
  return end < 0 ? LARGEST_SET : end;
}

async function take(redis: RedisLink, queue: string, set: SetName, limits: GroupLimits): Promise<string[]> {
  const { group, setId, deadlineS } = set;
  const limit = await fittingSize(redis, queue, group);
  const groupsChannel = keys.groupsChannel(queue);
  const ids = (await redis.run(
    scripts.takeGroup,
    {
      group: keys.group(queue, group),
      aggregationSet: keys.aggregationSet(queue, group, setId),
      aggregationSets: keys.aggregationSets(queue),
      groups: keys.groups(queue),
    },
    { nowS: floorS(redis.clock.nowMs()), ...limits, limit, deadlineS, groupName: group, groupsChannel },
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
  const tasks = ids.map((id) => keys.task(queue, id));
  const found = (await readHashes(redis, tasks, ['msg'])).map(([message]) => message);
  const sound: TaskMessage[] = [];
  const invalid: InvalidMember[] = [];
  ids.forEach((id, i) => {
    const rawMessage = found[i];
    const stored = rawMessage && readStoredMessage(queue, id, rawMessage);
    if (stored?.isSound) sound.push(stored.message);
    else invalid.push(stored ? { id, message: stored.message, rawMessage } : { id });
  });
  if (invalid.length > 0) await removeInvalidMembers(redis, queue, set, invalid);
  return sound;
}

async function removeInvalidMembers(
  redis: RedisLink,
  queue: string,
  { group, setId, deadlineS }: SetName,
  invalid: readonly InvalidMember[],
): Promise<number> {
  return (await redis.run(
    scripts.mendSet,
    {
      aggregationSet: keys.aggregationSet(queue, group, setId),
      aggregationSets: keys.aggregationSets(queue),
      archived: keys.archived(queue),
      task: invalid.map(({ id }) => keys.task(queue, id)),
    },
    { deadlineS, archivedAtS: floorS(redis.clock.nowMs()) },
    invalid.map(({ id, message, rawMessage }) => ({
      taskId: id,
      message: message ? encodeTaskMessage(message) : '',
      rawMessage: rawMessage ?? '',
    })),
  )) as number;
}

async function finish(redis: RedisLink, queue: string, set: AggregationSet, task: NewTask): Promise<FinishReply> {
  const { group, setId, deadlineS, tasks } = set;
  const { message, uniqueTtlS } = task;
  const ids = tasks.map(({ id }) => id);
  const locks = tasks.map(({ uniqueKey }) => lockOf(queue, uniqueKey));
  const ownLocks = locks.filter((lock) => lock !== '');
  const nowMs = redis.clock.nowMs();
  const reply = (await redis.run(
    scripts.finishSet,
    {
      aggregationSet: keys.aggregationSet(queue, group, setId),
      aggregationSets: keys.aggregationSets(queue),
      pending: keys.pending(queue),
      scheduled: keys.scheduled(queue),
      awaited: keys.awaited(queue),
      aggregate: keys.task(queue, message.id),
      completed: keys.completed(queue),
      task: ids.map((id) => keys.task(queue, id)),
      lock: uniqueTtlS === undefined ? ownLocks : [...ownLocks, message.uniqueKey],
    },
    {
      deadlineS,
      nowS: floorS(nowMs),
      nowNs: redis.clock.nowNs(),
      nudgeChannel: keys.nudgeChannel(queue),
      endedChannel: keys.endedChannel(queue),
      ...newTaskArgs(task, nowMs),
    },
    ids.map((taskId, i) => ({ taskId, hasLock: Number(locks[i] !== '') })),
  )) as number | Buffer;
  if (Buffer.isBuffer(reply)) return { status: 'duplicate', holderId: reply.toString() };
  return { status: reply === 1 ? 'finished' : reply === 0 ? 'idConflict' : 'setLost' };
}

/** '' for none. Go writes the name of a member's lock in its message alone. A name of another queue would leave the slot. */
const lockOf = (queue: string, uniqueKey: string): string =>
  uniqueKey.startsWith(keys.uniquePrefix(queue)) ? uniqueKey : '';
