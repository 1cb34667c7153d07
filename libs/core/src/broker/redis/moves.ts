import * as scripts from '../../scripts/scripts.generated.js';
import { keys } from '../../wire/keys.js';
import { encodeTaskMessage } from '../../wire/task-message.js';
import { TASK_STATES } from '../../wire/task-state.js';
import { ceilS, floorS } from '../../wire/unix-time.js';
import type { TaskList } from '../contract/lists.js';
import type { ListEnd, MoveOps, MoveTarget } from '../contract/moves.js';
import { readStoredMessage } from '../stored-message.js';
import { readLocks } from './locks.js';
import { readHashes } from './read-hashes.js';
import type { RedisLink } from './redis-link.js';

/** Tasks per script call: Redis serves no other client while a script runs. */
const BATCH = 250;

/** The list from which a script takes tasks. */
interface Source {
  readonly queue: string;
  readonly list: TaskList;
  readonly near: ListEnd;
  /** Search the whole of a Redis list, however long, as a last resort. */
  readonly isUnbounded?: boolean | undefined;
}

/** 1 moved, 0 not in the list, -1 too far from the end of a Redis list, or not searched for yet. */
type MoveReply = number;

interface Pick {
  readonly id: string;
  /** Empty: take it in any case. */
  readonly stamp: string;
}

type Move = (redis: RedisLink, source: Source, picks: readonly Pick[]) => Promise<unknown>;

export function moveOps(redis: RedisLink): MoveOps {
  return {
    async moveTasks(queue, list, ids, to, { near = 'oldest', stamps } = {}) {
      const picks = ids.map((id, i) => ({ id, stamp: stamps?.[i] ?? '' }));
      const moved: boolean[] = [];
      for (let at = 0; at < picks.length; at += BATCH) {
        const batch = picks.slice(at, at + BATCH);
        const replies = await takeAll(
          { queue, list, near },
          batch,
          async (source, part) => (await MOVES[to](redis, source, part)) as MoveReply[],
        );
        moved.push(...replies.map((reply) => reply === 1));
      }
      return moved;
    },

    async reschedule(queue, list, taskId, atMs) {
      const [reply] = await takeAll({ queue, list, near: 'oldest' }, [taskId], async (source) => [
        await reschedule(redis, source, taskId, atMs),
      ]);
      return reply === 1;
    },

    async updatePayload(queue, taskId, payload) {
      for (;;) {
        const [fields] = await readHashes(redis, [keys.task(queue, taskId)], ['msg', 'state']);
        const [expected, stateText] = fields!;
        const state = TASK_STATES.find((known) => known === stateText?.toString());
        if (!expected || !state) return undefined;
        if (state !== 'scheduled') return state;
        const { message, isSound } = readStoredMessage(queue, taskId, expected);
        if (!isSound) return undefined;
        const changed = encodeTaskMessage({ ...message, payload });
        const args = { expected, message: changed };
        if ((await redis.run(scripts.updateMessage, { task: keys.task(queue, taskId) }, args)) === 1) return state;
      }
    },

    async lockTtlS(queue, taskId) {
      const [lock] = await readLocks(redis, queue, [taskId]);
      if (!lock) return undefined;
      const [holder, ttlMs] = (await redis.pipeline(
        'PTTL',
        (pipeline) => void pipeline.get(lock).pttl(lock),
        null,
      )) as [string | null, number];
      return holder === taskId && ttlMs > 0 ? ceilS(ttlMs) : undefined;
    },
  };
}

/**
 * Takes tasks out of a list. Redis finds an entry of a list by walking to it, so a script walks a bounded part, from
 * the nearer end; for tasks that it has not reached it is called again, from the other end. Only for a task deep in a
 * long list does one call search the whole list.
 */
async function takeAll<Item>(
  source: Source,
  items: readonly Item[],
  take: (source: Source, items: readonly Item[]) => Promise<readonly MoveReply[]>,
): Promise<MoveReply[]> {
  const replies: MoveReply[] = [];
  const takeNear = async (near: ListEnd, wanted: readonly number[]): Promise<number[]> => {
    const deep: number[] = [];
    for (let left = wanted; left.length > 0;) {
      const answers = await take(
        { ...source, near },
        left.map((at) => items[at]!),
      );
      left.forEach((at, i) => (replies[at] = answers[i]!));
      // The first one gets the whole search budget of a call.
      if (answers[0] === -1) deep.push(left[0]!);
      left = left.filter((_, i) => i > 0 && answers[i] === -1);
    }
    return deep;
  };
  const far = await takeNear(source.near, [...items.keys()]);
  for (const at of await takeNear(otherEnd(source.near), far)) {
    [replies[at]] = (await take({ ...source, isUnbounded: true }, [items[at]!])) as [MoveReply];
  }
  return replies;
}

const otherEnd = (end: ListEnd): ListEnd => (end === 'oldest' ? 'newest' : 'oldest');

async function reschedule(redis: RedisLink, from: Source, taskId: string, atMs: number): Promise<MoveReply> {
  const { queue, list } = from;
  const targetState = list.state === 'retry' ? 'retry' : 'scheduled';
  const { isList, nearTail, isUnbounded, groupName, source, groups } = sourceOf(from);
  return (await redis.run(
    scripts.rescheduleTask,
    {
      source,
      target: keys[targetState](queue),
      groups,
      expectedGroups: keys.expectedGroups(queue),
      rescheduled: keys.rescheduled(queue),
      task: keys.task(queue, taskId),
    },
    {
      isList,
      nearTail,
      isUnbounded,
      sourceGroup: groupName,
      targetState,
      taskId,
      processAtS: ceilS(atMs),
      dueAtMs: Math.ceil(atMs),
      nudgeChannel: keys.nudgeChannel(queue),
      nowS: floorS(redis.clock.nowMs()),
    },
  )) as MoveReply;
}

const MOVES: Record<MoveTarget, Move> = {
  pending: (redis, source, picks) => runTasks(redis, source, picks, 0),
  pendingHead: (redis, source, picks) => runTasks(redis, source, picks, 1),

  archived: (redis, from, picks) => {
    const { isList, nearTail, isUnbounded, groupName, source, groups, awaited, endedChannel } = sourceOf(from);
    return redis.run(
      scripts.archiveTasks,
      { source, archived: keys.archived(from.queue), groups, awaited, task: taskKeys(from, picks) },
      { isList, nearTail, isUnbounded, groupName, archivedAtS: floorS(redis.clock.nowMs()), endedChannel },
      picks.map(({ id: taskId, stamp }) => ({ taskId, stamp })),
    );
  },

  deleted: async (redis, from, picks) => {
    const { isList, nearTail, isUnbounded, groupName, source, groups, awaited, endedChannel } = sourceOf(from);
    const locks = await readLocks(
      redis,
      from.queue,
      picks.map(({ id }) => id),
    );
    return redis.run(
      scripts.deleteTasks,
      { source, groups, awaited, task: taskKeys(from, picks), lock: locks.filter((lock) => lock !== '') },
      { isList, nearTail, isUnbounded, groupName, endedChannel },
      picks.map(({ id: taskId, stamp }, i) => ({ taskId, stamp, hasLock: Number(locks[i] !== '') })),
    );
  },
};

function runTasks(redis: RedisLink, from: Source, picks: readonly Pick[], atHead: 0 | 1): Promise<unknown> {
  const { isList, nearTail, isUnbounded, groupName, source, groups } = sourceOf(from);
  return redis.run(
    scripts.runTasks,
    { source, pending: keys.pending(from.queue), groups, task: taskKeys(from, picks) },
    { isList, nearTail, isUnbounded, atHead, groupName, pendingSinceNs: redis.clock.nowNs() },
    picks.map(({ id: taskId, stamp }) => ({ taskId, stamp })),
  );
}

function sourceOf({ queue, list, near, isUnbounded = false }: Source) {
  return {
    source: listKey(queue, list),
    groups: keys.groups(queue),
    awaited: keys.awaited(queue),
    endedChannel: keys.endedChannel(queue),
    isList: Number(list.state === 'pending'),
    nearTail: Number(near === 'oldest'),
    isUnbounded: Number(isUnbounded),
    groupName: list.group ?? '',
  };
}

/** Whether it is a Redis list; all other states are sorted sets. */
export const isRedisList = ({ state }: TaskList): boolean => state === 'pending' || state === 'active';

/** The list or sorted set that holds the ids. */
export function listKey(queue: string, { state, group = '' }: TaskList): string {
  return state === 'aggregating' ? keys.group(queue, group) : keys[state](queue);
}

const taskKeys = ({ queue }: Source, picks: readonly Pick[]): string[] => picks.map(({ id }) => keys.task(queue, id));
