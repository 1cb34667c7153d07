import { encodeTaskMessage } from '../../wire/task-message.js';
import { ceilS, floorS } from '../../wire/unix-time.js';
import type { TaskList } from '../contract/lists.js';
import type { MoveOps, MoveTarget } from '../contract/moves.js';
import type { IdList } from './id-list.js';
import type { MemoryQueue, MemoryStore } from './memory-store.js';
import { SortedSet } from './sorted-set.js';
import { stampOf } from './stamps.js';
import { notifyWaiters } from './waiting.js';

export function moveOps(store: MemoryStore): MoveOps {
  return {
    async moveTasks(queueName, from, ids, to, { stamps } = {}) {
      const queue = store.queue(queueName);
      const moved = ids.map((id, i) => take(queue, from, id, stamps?.[i] ?? '') && move(queue, id, from, to));
      queue.forgetEmptyGroup(from.group);
      return moved;
    },

    async reschedule(queueName, from, taskId, atMs) {
      const queue = store.queue(queueName);
      const task = queue.tasks.get(taskId);
      if (!task?.msg || !take(queue, from, taskId, '')) return false;
      task.pendingSinceNs = undefined;
      queue.makeDelayed(taskId, task, from.state === 'retry' ? 'retry' : 'scheduled', atMs);
      queue.forgetEmptyGroup(from.group);
      if (task.group) queue.expectGroup(task.group, ceilS(atMs)); // Go's forwarder puts it into its group and adds no name
      return true;
    },

    async updatePayload(queueName, taskId, payload) {
      const queue = store.queue(queueName);
      const task = queue.tasks.get(taskId);
      const stored = queue.read(taskId);
      if (!stored || !task?.state) return undefined;
      if (task.state !== 'scheduled') return task.state;
      if (!stored.isSound) return undefined;
      task.msg = encodeTaskMessage({ ...stored.message, payload });
      return task.state;
    },

    async lockTtlS(queueName, taskId) {
      const queue = store.queue(queueName);
      const lock = queue.tasks.get(taskId)?.uniqueKey;
      if (!lock || queue.locks.get(lock) !== taskId) return undefined;
      return ceilS(queue.locks.expiresAtMs(lock)! - store.clock.nowMs());
    },
  };
}

/** `false` when it is not there, or has left and come back since the stamp was read. */
function take(queue: MemoryQueue, from: TaskList, id: string, stamp: string): boolean {
  const state = queue.tasks.get(id)?.state;
  if (from.state === 'pending' && state !== undefined && state !== 'pending') return false;
  const list = listOf(queue, from);
  const score = list instanceof SortedSet ? list.score(id) : 0; // the stamp of a pending task does not depend on its place
  if (!list || score === undefined) return false;
  if (stamp !== '' && stamp !== stampOf(queue, from, { id, score })) return false;
  return list.delete(id);
}

/** `false` when the id had no message: it is dropped. */
function move(queue: MemoryQueue, id: string, from: TaskList, to: MoveTarget): boolean {
  const task = queue.tasks.get(id);
  if (to === 'deleted' || !task?.msg) {
    queue.tasks.delete(id);
    if (to !== 'deleted') return false;
    queue.unlock(task?.uniqueKey, id);
    notifyWaiters(queue, id, 'removed');
    return true;
  }
  task.dueAtMs = undefined;
  if (to === 'archived') {
    task.state = 'archived';
    queue.archived.set(id, floorS(queue.clock.nowMs()));
    notifyWaiters(queue, id, 'archived');
    return true;
  }
  task.crashes = undefined;
  const waitingSinceNs = from.state === 'pending' ? task.pendingSinceNs : undefined;
  queue.makePending(id, task, to === 'pending' ? 'left' : 'right');
  if (from.state === 'pending') task.pendingSinceNs = waitingSinceNs;
  if (from.state === 'pending' && to === 'pendingHead') task.runNextNs = queue.clock.nowNs();
  return true;
}

/** The list or sorted set that holds the ids; `undefined` for an unknown group. */
export function listOf(queue: MemoryQueue, { state, group = '' }: TaskList): IdList | SortedSet | undefined {
  return state === 'aggregating' ? queue.groups.get(group) : queue[state];
}
