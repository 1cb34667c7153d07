import { keys } from '../../wire/keys.js';
import { TASK_STATES, type TaskState } from '../../wire/task-state.js';
import { fromS } from '../../wire/unix-time.js';
import type { ListOps, ScannedTask, ScanPage, StoredTask, TaskList } from '../contract/lists.js';
import { readGroupNames, readGroupSizes } from './group-names.js';
import { listKey } from './moves.js';
import { readSomeHashes } from './read-hashes.js';
import type { RedisLink } from './redis-link.js';
import { toScoredIds } from './scored-ids.js';
import { askForTask, type FoundTask, TASK_FIELDS, type TaskReply, toStoredTask } from './stored-task.js';

export function listOps(redis: RedisLink): ListOps {
  return {
    async findTask(queue, taskId): Promise<StoredTask | undefined> {
      const [reply, stateText] = (await redis.pipeline(
        'HMGET',
        (pipeline) => {
          askForTask(pipeline, queue, taskId);
          pipeline.hget(keys.task(queue, taskId), 'state');
        },
        [],
      )) as [TaskReply, string | null];
      const state = TASK_STATES.find((known) => known === stateText);
      if (!state) return undefined;
      const score = await readScore(redis, queue, taskId, state);
      return toStoredTask(queue, { id: taskId, state, score }, reply, redis.clock.nowMs());
    },

    listSize: (queue, list) => listSize(redis, queue, list),

    async listIds(queue, list, skip, limit) {
      return (await readEntries(redis, queue, list, skip, limit)).map(({ id }) => id);
    },

    async listTasks(queue, list, skip, limit) {
      const found = await readEntries(redis, queue, list, skip, limit);
      const tasks: StoredTask[] = [];
      for (let read = 0; read < found.length;) {
        const some = await readSomeTasks(redis, queue, found.slice(read));
        tasks.push(...some.flatMap(({ task }) => task ?? []));
        read += some.length;
      }
      return tasks;
    },

    scanTasks: (queue, list, position, limit) =>
      isRow(list)
        ? scanRow(redis, queue, list, Number(position ?? 0), limit)
        : scanSet(redis, queue, list, position, limit),

    async groupSizes(queue) {
      const groups = await readGroupNames(redis, queue);
      const sizes = await readGroupSizes(redis, queue, groups);
      return groups.map((group, i) => ({ group, size: sizes[i]! }));
    },
  };
}

/** A Redis list; all other states are sorted sets. */
const isRow = ({ state }: TaskList): boolean => state === 'pending' || state === 'active';

async function listSize(redis: RedisLink, queue: string, list: TaskList): Promise<number> {
  const key = listKey(queue, list);
  return isRow(list)
    ? redis.command('LLEN', (client) => client.llen(key))
    : redis.command('ZCARD', (client) => client.zcard(key));
}

async function readEntries(
  redis: RedisLink,
  queue: string,
  list: TaskList,
  skip: number,
  limit: number,
): Promise<FoundTask[]> {
  if (!isRow(list)) return readSet(redis, queue, list, skip, limit);
  const key = listKey(queue, list);
  const ids = await redis.command('LRANGE', (client) => client.lrange(key, -skip - limit, -skip - 1));
  return withLeases(redis, queue, list, ids.reverse());
}

async function readSet(
  redis: RedisLink,
  queue: string,
  list: TaskList,
  skip: number,
  limit: number,
): Promise<FoundTask[]> {
  const flat = await redis.command('ZRANGE', (client) =>
    client.zrange(listKey(queue, list), String(skip), String(skip + limit - 1), 'WITHSCORES'),
  );
  return toScoredIds(flat).map(({ id, score }) => ({ id, state: list.state, score: Number(score) }));
}

/** Active tasks are shown with the end of their lease. */
async function withLeases(
  redis: RedisLink,
  queue: string,
  { state }: TaskList,
  ids: readonly string[],
): Promise<FoundTask[]> {
  if (state !== 'active' || ids.length === 0) return ids.map((id) => ({ id, state, score: undefined }));
  const scores = (await redis.pipeline('ZSCORE', (pipeline) => {
    for (const id of ids) pipeline.zscore(keys.lease(queue), id);
  })) as (string | null)[];
  return ids.map((id, i) => ({ id, state, score: scores[i] ? Number(scores[i]) : undefined }));
}

interface ReadTask {
  readonly task: StoredTask | undefined;
  readonly pendingSince: string | null;
}

/** Reads the tasks of the first entries: as many as one reply may hold, at least one. */
async function readSomeTasks(redis: RedisLink, queue: string, found: readonly FoundTask[]): Promise<ReadTask[]> {
  const tasks = found.map(({ id }) => keys.task(queue, id));
  const replies = await readSomeHashes(redis, tasks, [...TASK_FIELDS, 'pending_since']);
  const nowMs = redis.clock.nowMs();
  return replies.map((fields, i) => ({
    task: toStoredTask(queue, found[i]!, fields, nowMs),
    pendingSince: fields[TASK_FIELDS.length]?.toString() ?? null,
  }));
}

/** From the newest on: what is pushed meanwhile shifts the walk back, so it sees a task twice rather than never. */
async function scanRow(
  redis: RedisLink,
  queue: string,
  list: TaskList,
  from: number,
  limit: number,
): Promise<ScanPage> {
  const ids = await redis.command('LRANGE', (client) => client.lrange(listKey(queue, list), from, from + limit - 1));
  const found = await withLeases(redis, queue, list, ids);
  return toPage(redis, queue, found, limit, (i) => String(from + i + 1));
}

/** The position is the last score and how many entries of that score are done: lower ones may come and go. */
async function scanSet(
  redis: RedisLink,
  queue: string,
  list: TaskList,
  position: string | undefined,
  limit: number,
): Promise<ScanPage> {
  const [score = '-inf', done = '0'] = position?.split(':') ?? [];
  const key = listKey(queue, list);
  const [below, upTo] = (await redis.pipeline('ZCOUNT', (pipeline) => {
    pipeline.zcount(key, '-inf', `(${score}`).zcount(key, '-inf', score);
  })) as [number, number];
  const found = await readSet(redis, queue, list, Math.min(below + Number(done), upTo), limit);
  const firstOf = new Map<number, number>();
  for (const [i, { score: own }] of found.entries()) if (!firstOf.has(own!)) firstOf.set(own!, i);
  const after = (i: number): string => {
    const own = found[i]!.score!;
    const before = String(own) === score ? Number(done) : 0;
    return `${own}:${before + i - firstOf.get(own)! + 1}`;
  };
  return toPage(redis, queue, found, limit, after);
}

async function toPage(
  redis: RedisLink,
  queue: string,
  found: readonly FoundTask[],
  limit: number,
  after: (index: number) => string,
): Promise<ScanPage> {
  const read = await readSomeTasks(redis, queue, found);
  const tasks = read.flatMap(({ task, pendingSince }, i): ScannedTask[] =>
    task ? [{ task, atMs: timeOf(task, found[i]!.score, pendingSince), after: after(i) }] : [],
  );
  const scanned = read.length;
  const isEnd = scanned === found.length && scanned < limit;
  return { tasks, scanned, next: isEnd ? undefined : after(scanned - 1) };
}

function timeOf(task: StoredTask, score: number | undefined, pendingSince: string | null): number | undefined {
  switch (task.state) {
    case 'active':
      return undefined;
    case 'pending':
      return pendingSince && /^\d+$/.test(pendingSince) ? Number(BigInt(pendingSince) / 1_000_000n) : undefined;
    case 'completed':
      return fromS(Number(task.message.completedAtS));
    default:
      return task.nextProcessAtMs ?? fromS(score!);
  }
}

async function readScore(
  redis: RedisLink,
  queue: string,
  taskId: string,
  state: TaskState,
): Promise<number | undefined> {
  const key = { active: keys.lease(queue), scheduled: keys.scheduled(queue), retry: keys.retry(queue) }[
    state as string
  ];
  const score = key && (await redis.command('ZSCORE', (client) => client.zscore(key, taskId)));
  return score ? Number(score) : undefined;
}
