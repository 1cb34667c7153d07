import * as scripts from '../../scripts/scripts.generated.js';
import { keys } from '../../wire/keys.js';
import { encodeTaskMessage } from '../../wire/task-message.js';
import { TASK_STATES } from '../../wire/task-state.js';
import { ceilS, floorS } from '../../wire/unix-time.js';
import type { ListEnd, MoveOps, MoveTarget, TaskList } from '../inspect-roles.js';
import { readStoredMessage } from '../stored-message.js';
import { readLocks } from './locks.js';
import type { RedisLink } from './redis-link.js';

/** Tasks in one script call: Redis serves nobody else meanwhile. */
const BATCH = 250;

/** What every script of this file needs to know of the list it takes tasks from. */
interface Source {
  readonly queue: string;
  readonly list: TaskList;
  readonly near: ListEnd;
}

type Move = (redis: RedisLink, source: Source, ids: readonly string[]) => Promise<unknown>;

export function moveOps(redis: RedisLink): MoveOps {
  return {
    async moveTasks(queue, list, ids, to, near = 'oldest') {
      const moved: boolean[] = [];
      for (let at = 0; at < ids.length; at += BATCH) {
        const replies = (await MOVES[to](redis, { queue, list, near }, ids.slice(at, at + BATCH))) as number[];
        moved.push(...replies.map((reply) => reply === 1));
      }
      return moved;
    },

    async reschedule(queue, list, taskId, atMs) {
      const targetState = list.state === 'retry' ? 'retry' : 'scheduled';
      const { isList, source, groups } = sourceOf({ queue, list, near: 'oldest' });
      const reply = await redis.run(
        scripts.rescheduleTask,
        {
          source,
          target: keys[targetState](queue),
          groups,
          expectedGroups: keys.expectedGroups(queue),
          task: keys.task(queue, taskId),
        },
        {
          isList,
          targetState,
          taskId,
          processAtS: ceilS(atMs),
          dueAtMs: Math.ceil(atMs),
          nudgeChannel: keys.nudgeChannel(queue),
        },
      );
      return reply === 1;
    },

    async updatePayload(queue, taskId, payload) {
      for (;;) {
        const [expected, stateText] = await redis.command('HMGET', (client) =>
          client.hmgetBuffer(keys.task(queue, taskId), 'msg', 'state'),
        );
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
      const [holder, ttlMs] = (await redis.pipeline('PTTL', (pipeline) => {
        pipeline.get(lock).pttl(lock);
      })) as [string | null, number];
      return holder === taskId && ttlMs > 0 ? ceilS(ttlMs) : undefined;
    },
  };
}

const MOVES: Record<MoveTarget, Move> = {
  pending: (redis, source, ids) => runTasks(redis, source, ids, 0),
  pendingHead: (redis, source, ids) => runTasks(redis, source, ids, 1),

  archived: (redis, from, ids) => {
    const { isList, nearTail, groupName, source, groups, awaited, endedChannel } = sourceOf(from);
    return redis.run(
      scripts.archiveTasks,
      { source, archived: keys.archived(from.queue), groups, awaited, task: taskKeys(from, ids) },
      { isList, nearTail, groupName, archivedAtS: floorS(redis.clock.nowMs()), endedChannel },
      ids.map((taskId) => ({ taskId })),
    );
  },

  deleted: async (redis, from, ids) => {
    const { isList, nearTail, groupName, source, groups, awaited, endedChannel } = sourceOf(from);
    const locks = await readLocks(redis, from.queue, ids);
    return redis.run(
      scripts.deleteTasks,
      { source, groups, awaited, task: taskKeys(from, ids), lock: locks.filter((lock) => lock !== '') },
      { isList, nearTail, groupName, endedChannel },
      ids.map((taskId, i) => ({ taskId, hasLock: Number(locks[i] !== '') })),
    );
  },
};

function runTasks(redis: RedisLink, from: Source, ids: readonly string[], atHead: 0 | 1): Promise<unknown> {
  const { isList, nearTail, groupName, source, groups } = sourceOf(from);
  return redis.run(
    scripts.runTasks,
    { source, pending: keys.pending(from.queue), groups, task: taskKeys(from, ids) },
    { isList, nearTail, atHead, groupName, pendingSinceNs: redis.clock.nowNs() },
    ids.map((taskId) => ({ taskId })),
  );
}

function sourceOf({ queue, list, near }: Source) {
  return {
    source: listKey(queue, list),
    groups: keys.groups(queue),
    awaited: keys.awaited(queue),
    endedChannel: keys.endedChannel(queue),
    isList: Number(list.state === 'pending'),
    nearTail: Number(near === 'oldest'),
    groupName: list.group ?? '',
  };
}

/** The list or sorted set that holds the ids. */
export function listKey(queue: string, { state, group = '' }: TaskList): string {
  return state === 'aggregating' ? keys.group(queue, group) : keys[state](queue);
}

const taskKeys = ({ queue }: Source, ids: readonly string[]): string[] => ids.map((id) => keys.task(queue, id));
