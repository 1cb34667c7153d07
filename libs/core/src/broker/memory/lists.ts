import { fromS, utcDay } from '../../wire/unix-time.js';
import type { DailyCount, ScannedTask, ScanPage, StoredTask, TaskList } from '../inspect-roles.js';
import { MOST_READ_BYTES } from '../roles.js';
import { storedTask } from './inspect.js';
import { IdList } from './id-list.js';
import type { MemoryQueue, MemoryStore } from './memory-store.js';
import { listOf } from './moves.js';
import type { SortedSet } from './sorted-set.js';

const DAY_MS = 24 * 3600 * 1000;

export function listSize(store: MemoryStore, queueName: string, list: TaskList): number {
  return listOf(store.queue(queueName), list)?.size ?? 0;
}

export function listIds(store: MemoryStore, queueName: string, list: TaskList, skip: number, limit: number): string[] {
  const ids = listOf(store.queue(queueName), list);
  if (!(ids instanceof IdList)) return ids?.slice(skip, limit) ?? [];
  const end = Math.max(ids.size - skip, 0);
  const start = Math.max(end - limit, 0);
  return ids.slice(start, end - start).reverse();
}

export function listTasks(
  store: MemoryStore,
  queueName: string,
  list: TaskList,
  skip: number,
  limit: number,
): StoredTask[] {
  const queue = store.queue(queueName);
  return listIds(store, queueName, list, skip, limit).flatMap((id) => storedTask(queue, id, list.state) ?? []);
}

export function scanTasks(
  store: MemoryStore,
  queueName: string,
  list: TaskList,
  position: string | undefined,
  limit: number,
): ScanPage {
  const queue = store.queue(queueName);
  const ids = listOf(queue, list);
  if (!ids) return { tasks: [], scanned: 0, next: undefined };
  return ids instanceof IdList
    ? scanRow(queue, list, ids, Number(position ?? 0), limit)
    : scanSet(queue, list, ids, position, limit);
}

function scanRow(queue: MemoryQueue, list: TaskList, ids: IdList, from: number, limit: number): ScanPage {
  return toPage(queue, list, ids.slice(from, limit), limit, (i) => String(from + i + 1));
}

/** The position is the last score and how many entries of that score are done. */
function scanSet(
  queue: MemoryQueue,
  list: TaskList,
  set: SortedSet,
  position: string | undefined,
  limit: number,
): ScanPage {
  const [score = '-Infinity', done = '0'] = position?.split(':') ?? [];
  const upTo = set.countBelow(Number(score) + 1); // scores are whole
  const found = set.slice(Math.min(set.countBelow(Number(score)) + Number(done), upTo), limit);
  const after = (i: number): string => {
    const own = set.score(found[i]!)!;
    const before = String(own) === score ? Number(done) : 0;
    const first = found.findIndex((id) => set.score(id) === own);
    return `${own}:${before + i - first + 1}`;
  };
  return toPage(queue, list, found, limit, after);
}

function toPage(
  queue: MemoryQueue,
  list: TaskList,
  found: readonly string[],
  limit: number,
  after: (index: number) => string,
): ScanPage {
  const read = found.slice(0, countReadable(queue, found));
  const tasks = read.flatMap((id, i): ScannedTask[] => {
    const task = storedTask(queue, id, list.state);
    return task ? [{ task, atMs: timeOf(queue, list, id, task), after: after(i) }] : [];
  });
  const scanned = read.length;
  const isEnd = scanned === found.length && scanned < limit;
  return { tasks, scanned, next: isEnd ? undefined : after(scanned - 1) };
}

/** How many of the tasks one reply of Redis would hold. */
function countReadable(queue: MemoryQueue, ids: readonly string[]): number {
  let bytes = 0;
  const end = ids.findIndex((id, i) => {
    const task = queue.tasks.get(id);
    bytes += (task?.msg?.length ?? 0) + (task?.result?.length ?? 0);
    return i > 0 && bytes > MOST_READ_BYTES;
  });
  return end < 0 ? ids.length : end;
}

function timeOf(queue: MemoryQueue, list: TaskList, id: string, task: StoredTask): number | undefined {
  switch (list.state) {
    case 'active':
      return undefined;
    case 'pending': {
      const sinceNs = queue.tasks.get(id)?.pendingSinceNs;
      return sinceNs === undefined ? undefined : Number(sinceNs / 1_000_000n);
    }
    case 'completed':
      return fromS(Number(task.message.completedAtS));
    case 'aggregating':
      return fromS(queue.groups.get(list.group ?? '')!.score(id)!);
    default:
      return task.nextProcessAtMs ?? fromS(queue[list.state].score(id)!);
  }
}

export function groupSizes(store: MemoryStore, queueName: string): { group: string; size: number }[] {
  const queue = store.queue(queueName);
  return [...queue.groupNames].sort().map((group) => ({ group, size: queue.groups.get(group)?.size ?? 0 }));
}

export function dailyCounts(store: MemoryStore, queueName: string, days: number): DailyCount[] {
  const { counters } = store.queue(queueName);
  return Array.from({ length: days }, (_, ago) => {
    const day = utcDay(store.clock.nowMs() - ago * DAY_MS);
    return { day, ...counters.on(day) };
  });
}
