import * as scripts from '../../scripts/scripts.generated.js';
import { keys } from '../../wire/keys.js';
import type { TaskState } from '../../wire/task-state.js';
import { fromS } from '../../wire/unix-time.js';
import type { ListOps, ScanFilter, ScannedTask, StoredTask, TaskList } from '../contract/lists.js';
import { decodePlaceInSet, encodePlaceInSet } from '../scan-position.js';
import { beginOf, findSomeTasks, isPast } from './find-tasks.js';
import { readGroupNames, readGroupSizes } from './group-names.js';
import { isRedisList, listKey } from './moves.js';
import { readHashes, readSomeHashes } from './read-hashes.js';
import type { RedisLink } from './redis-link.js';
import { type ListEntry, scanList, searchList } from './scan-list.js';
import { scoreOf, toScoredIds } from './scored-ids.js';
import { type FoundTask, stateIn, TASK_FIELDS, toStoredTask } from './stored-task.js';

export function listOps(redis: RedisLink): ListOps {
  return {
    async findTask(queue, taskId): Promise<StoredTask | undefined> {
      const read = async () => (await readHashes(redis, [keys.task(queue, taskId)], TASK_FIELDS))[0]!;
      for (let fields = await read(); ;) {
        const state = stateIn(fields);
        if (!state) return undefined;
        const scores = SCORES[state]?.(queue);
        const score = scores === undefined ? undefined : await readScore(redis, scores, taskId);
        const isOutdated = scores !== undefined && score === undefined; // it may have moved in between
        if (isOutdated) fields = await read();
        if (stateIn(fields) === state) {
          return toStoredTask(queue, { id: taskId, state, score }, fields, redis.clock.nowMs());
        }
      }
    },

    listSize: (queue, list) => listSize(redis, queue, list),

    async listTasks(queue, list, skip, limit) {
      const found = await readEntries(redis, queue, list, skip, limit);
      const tasks: StoredTask[] = [];
      for (let read = 0; read < found.length;) {
        const some = await readSomeTasks(redis, queue, found.slice(read));
        tasks.push(...some.flatMap((task) => task ?? []));
        read += some.length;
      }
      return tasks;
    },

    async scanTasks(queue, list, position, limit, filter) {
      const begin = position ?? (filter && beginOf(list, filter));
      const { entries, after, read } = filter
        ? await search(redis, queue, list, begin, limit, filter)
        : await readAll(redis, queue, list, begin, limit);
      const tasks = read.flatMap((task, at): ScannedTask[] => {
        const entry = entries[at]!;
        return task ? [{ task, stamp: entry.stamp, atMs: timeOf(task, entry), at, after: () => after(at) }] : [];
      });
      const scanned = read.length;
      const isLast = scanned < limit || (filter !== undefined && isPast(entries.at(-1)!, filter));
      const isEnd = scanned === entries.length && isLast;
      return { tasks, scanned, next: isEnd ? undefined : after(scanned - 1) };
    },

    async scanIds(queue, list, position, limit) {
      const { entries, after } = await scan(redis, queue, list, position, limit);
      return {
        entries: entries.map(({ id, stamp }) => ({ id, stamp })),
        next: entries.length < limit ? undefined : after(entries.length - 1),
      };
    },

    async groupSizes(queue) {
      const groups = await readGroupNames(redis, queue);
      const sizes = await readGroupSizes(redis, queue, groups);
      return groups.map((group, i) => ({ group, size: sizes[i] ?? 0 }));
    },
  };
}

async function listSize(redis: RedisLink, queue: string, list: TaskList): Promise<number> {
  const key = listKey(queue, list);
  return isRedisList(list)
    ? redis.command('LLEN', (client) => client.llen(key))
    : redis.command('ZCARD', (client) => client.zcard(key));
}

async function readEntries(
  redis: RedisLink,
  queue: string,
  list: TaskList,
  skip: number,
  limit: number,
): Promise<readonly FoundTask[]> {
  if (!isRedisList(list)) return readSet(redis, queue, list, skip, limit);
  const key = listKey(queue, list);
  const ids = await redis.command('LRANGE', (client) => client.lrange(key, -skip - limit, -skip - 1));
  const found = ids.reverse().map((id) => ({ id, state: list.state, score: undefined }));
  return withLeases(redis, queue, list, found);
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
  return toScoredIds(flat).map(({ id, score }) => ({ id, state: list.state, score: scoreOf(score) }));
}

/** Adds the lease expiry of active tasks. */
async function withLeases(
  redis: RedisLink,
  queue: string,
  { state }: TaskList,
  found: readonly FoundTask[],
): Promise<readonly FoundTask[]> {
  if (state !== 'active' || found.length === 0) return found;
  const scores = (await redis.pipeline('ZSCORE', (pipeline) => {
    for (const { id } of found) pipeline.zscore(keys.lease(queue), id);
  })) as (string | null)[];
  return found.map((one, i) => ({ ...one, score: scores[i] ? scoreOf(scores[i]) : undefined }));
}

/** Reads the tasks of the first entries: as many as fit into one reply, at least one. */
async function readSomeTasks(
  redis: RedisLink,
  queue: string,
  found: readonly FoundTask[],
): Promise<(StoredTask | undefined)[]> {
  const tasks = found.map(({ id }) => keys.task(queue, id));
  const replies = await readSomeHashes(redis, tasks, TASK_FIELDS);
  const nowMs = redis.clock.nowMs();
  return replies.map((fields, i) => toStoredTask(queue, found[i]!, fields, nowMs));
}

/** An entry found by a scan. */
interface ScannedEntry extends FoundTask {
  readonly stamp: string;
  readonly pendingSince: string | null;
}

interface Stretch {
  readonly entries: readonly ScannedEntry[];
  readonly after: (at: number) => string;
}

interface ReadStretch extends Stretch {
  /** The tasks of the first entries. */
  readonly read: readonly (StoredTask | undefined)[];
}

async function readAll(
  redis: RedisLink,
  queue: string,
  list: TaskList,
  position: string | undefined,
  limit: number,
): Promise<ReadStretch> {
  const stretch = await scan(redis, queue, list, position, limit);
  const found = await withLeases(redis, queue, list, stretch.entries);
  return { ...stretch, read: await readSomeTasks(redis, queue, found) };
}

async function search(
  redis: RedisLink,
  queue: string,
  list: TaskList,
  position: string | undefined,
  limit: number,
  filter: ScanFilter,
): Promise<ReadStretch> {
  if (!isRedisList(list)) {
    const stretch = await scanSet(redis, queue, list, position, limit);
    const found = await findSomeTasks(redis, queue, stretch.entries, filter);
    return { ...stretch, read: found.map((match) => match?.task) };
  }
  const { state } = list;
  const { entries, after, found } = await searchList(redis, queue, list, position, limit, async (ids) => {
    const tasks = ids.map((id) => ({ id, state, score: undefined }));
    return findSomeTasks(redis, queue, await withLeases(redis, queue, list, tasks), filter);
  });
  return { entries: entries.map((entry) => toScanned(entry, state)), after, read: found.map((match) => match?.task) };
}

async function scan(
  redis: RedisLink,
  queue: string,
  list: TaskList,
  position: string | undefined,
  limit: number,
): Promise<Stretch> {
  const { state } = list;
  if (!isRedisList(list)) return scanSet(redis, queue, list, position, limit);
  const { entries, after } = await scanList(redis, queue, list, position, limit);
  return { entries: entries.map((entry) => toScanned(entry, state)), after };
}

function toScanned({ id, pendingSince }: ListEntry, state: TaskState): ScannedEntry {
  return { id, state, score: undefined, pendingSince, stamp: state === 'active' ? '' : (pendingSince ?? '-') };
}

/** The position is the last entry, whether or not it is still there: changes before it do not matter. */
async function scanSet(
  redis: RedisLink,
  queue: string,
  list: TaskList,
  position: string | undefined,
  limit: number,
): Promise<Stretch> {
  const source = listKey(queue, list);
  let flat: Buffer[];
  if (position === undefined) {
    flat = await redis.command('ZRANGE', (client) => client.zrangeBuffer(source, '0', String(limit - 1), 'WITHSCORES'));
  } else {
    const { score, member } = decodePlaceInSet(position);
    flat = (await redis.run(scripts.entriesAfter, { source }, { score, memberId: member, limit })) as Buffer[];
  }
  const entries: ScannedEntry[] = [];
  for (let at = 0; at < flat.length; at += 2) {
    const stamp = flat[at + 1]!.toString();
    entries.push({ id: flat[at]!.toString(), state: list.state, score: scoreOf(stamp), stamp, pendingSince: null });
  }
  return { entries, after: (at) => encodePlaceInSet({ score: entries[at]!.stamp, member: flat[2 * at]! }) };
}

function timeOf(task: StoredTask, { score, pendingSince }: ScannedEntry): number | undefined {
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

/** The sorted sets whose scores belong to what is read of a task. */
const SCORES: Readonly<Partial<Record<TaskState, (queue: string) => string>>> = {
  active: keys.lease,
  scheduled: keys.scheduled,
  retry: keys.retry,
};

async function readScore(redis: RedisLink, key: string, taskId: string): Promise<number | undefined> {
  const score = await redis.command('ZSCORE', (client) => client.zscore(key, taskId));
  return score ? scoreOf(score) : undefined;
}
