import { fromS } from '../../wire/unix-time.js';
import { type ListOps, MOST_READ_BYTES, type ScannedTask, type StoredTask, type TaskList } from '../contract/lists.js';
import { decodePlaceInSet, encodePlaceInSet } from '../scan-position.js';
import { IdList } from './id-list.js';
import type { MemoryQueue, MemoryStore } from './memory-store.js';
import { listOf } from './moves.js';
import type { ScoredId } from './sorted-set.js';
import { stampOf } from './stamps.js';
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

    async listTasks(queueName, list, skip, limit) {
      const queue = store.queue(queueName);
      return idsOf(queue, list, skip, limit).flatMap((id) => storedTask(queue, id, list.state) ?? []);
    },

    async scanTasks(queueName, list, position, limit) {
      const queue = store.queue(queueName);
      const found = scan(queue, list, position, limit);
      const read = found.slice(0, countReadable(queue, found));
      const tasks = read.flatMap((place, at): ScannedTask[] => {
        const task = storedTask(queue, place.id, list.state);
        if (!task) return [];
        const [stamp, atMs] = [stampOf(queue, list, place), timeOf(queue, list, place.id, task)];
        return [{ task, stamp, atMs, at, after: () => positionOf(place) }];
      });
      const next = read.length < found.length ? positionOf(read.at(-1)!) : nextOf(found, limit);
      return { tasks, scanned: read.length, next };
    },

    async scanIds(queueName, list, position, limit) {
      const queue = store.queue(queueName);
      const found = scan(queue, list, position, limit);
      const entries = found.map((place) => ({ id: place.id, stamp: stampOf(queue, list, place) }));
      return { entries, next: nextOf(found, limit) };
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

/** An entry of a list, too, has a number for its place, and gets a new one when it comes back. */
function scan(queue: MemoryQueue, list: TaskList, position: string | undefined, limit: number): ScoredId[] {
  const ids = listOf(queue, list);
  if (!ids) return [];
  if (position === undefined) return ids.after(undefined, limit);
  const { score, member } = decodePlaceInSet(position);
  return ids.after({ score: Number(score), id: Buffer.from(member).toString() }, limit);
}

/** How many of the tasks would fit into one reply of Redis. */
function countReadable(queue: MemoryQueue, places: readonly ScoredId[]): number {
  let bytes = 0;
  const end = places.findIndex(({ id }, i) => {
    const task = queue.tasks.get(id);
    bytes += (task?.msg?.length ?? 0) + (task?.result?.length ?? 0);
    return i > 0 && bytes > MOST_READ_BYTES;
  });
  return end < 0 ? places.length : end;
}

const positionOf = ({ id, score }: ScoredId): string =>
  encodePlaceInSet({ score: String(score), member: Buffer.from(id) });

const nextOf = (found: readonly ScoredId[], limit: number): string | undefined =>
  found.length < limit ? undefined : positionOf(found.at(-1)!);

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
