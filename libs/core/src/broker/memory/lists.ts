import { fromS } from '../../wire/unix-time.js';
import {
  type ListOps,
  MOST_READ_BYTES,
  type ScannedTask,
  type ScanPage,
  type StoredTask,
  type TaskList,
} from '../contract/lists.js';
import { IdList } from './id-list.js';
import type { MemoryQueue, MemoryStore } from './memory-store.js';
import { listOf } from './moves.js';
import type { SortedSet } from './sorted-set.js';
import { storedTask } from './stored-task.js';

export function listOps(store: MemoryStore): ListOps {
  return {
    async findTask(queueName, taskId) {
      const queue = store.queue(queueName);
      const state = queue.tasks.get(taskId)?.state;
      return state && storedTask(queue, taskId, state);
    },

    async listSize(queueName, list) {
      return listOf(store.queue(queueName), list)?.size ?? 0;
    },

    async listIds(queueName, list, skip, limit) {
      return idsOf(store.queue(queueName), list, skip, limit);
    },

    async listTasks(queueName, list, skip, limit) {
      const queue = store.queue(queueName);
      return idsOf(queue, list, skip, limit).flatMap((id) => storedTask(queue, id, list.state) ?? []);
    },

    async scanTasks(queueName, list, position, limit) {
      const queue = store.queue(queueName);
      const ids = listOf(queue, list);
      if (!ids) return { tasks: [], scanned: 0, next: undefined };
      return ids instanceof IdList
        ? scanRow(queue, list, ids, Number(position ?? 0), limit)
        : scanSet(queue, list, ids, position, limit);
    },

    async groupSizes(queueName) {
      const queue = store.queue(queueName);
      return [...queue.groupNames].sort().map((group) => ({ group, size: queue.groups.get(group)?.size ?? 0 }));
    },
  };
}

function idsOf(queue: MemoryQueue, list: TaskList, skip: number, limit: number): string[] {
  const ids = listOf(queue, list);
  if (!(ids instanceof IdList)) return ids?.slice(skip, limit) ?? [];
  const end = Math.max(ids.size - skip, 0);
  const start = Math.max(end - limit, 0);
  return ids.slice(start, end - start).reverse();
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
