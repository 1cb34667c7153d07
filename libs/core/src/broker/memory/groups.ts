import { randomUUID } from 'node:crypto';
import { monotonicMs } from '../../runtime/clock.js';
import { encodeTaskMessage, type TaskMessage } from '../../wire/task-message.js';
import { ceilS, floorS, fromS } from '../../wire/unix-time.js';
import {
  type AggregationSet,
  AWAITED_SIZES_LIFE_MS,
  type GroupOps,
  LARGEST_SET,
  LARGEST_SET_BYTES,
  SET_LIFE_S,
  type WaitingGroup,
} from '../contract/groups.js';
import { ripeFromS } from '../group-ripeness.js';
import type { MemoryQueue, MemorySet, MemoryStore } from './memory-store.js';
import { SortedSet } from './sorted-set.js';
import { subscribe } from './subscribe.js';
import { tellWaiters } from './waiting.js';

export function groupOps(store: MemoryStore): GroupOps {
  return {
    async waitingGroups(queueName) {
      const queue = store.queue(queueName);
      return [...queue.groupNames].sort().flatMap((name) => waitingGroup(queue, name) ?? []);
    },

    async takeRipe(queueName, name, limits) {
      const queue = store.queue(queueName);
      const nowS = floorS(store.clock.nowMs());
      const group = waitingGroup(queue, name);
      if (!group || ripeFromS(group, limits) > nowS) return undefined;

      const waiting = queue.groups.get(name)!;
      const deadlineS = nowS + SET_LIFE_S;
      const lostAtMs = monotonicMs(store.clock) + fromS(deadlineS) - store.clock.nowMs();
      const set: MemorySet = { group: name, deadlineS, lostAtMs, members: new SortedSet() };
      const setId = randomUUID();
      const most = Math.min(fittingSize(queue, waiting), limits.maxSize > 0 ? limits.maxSize : Infinity);
      for (const id of waiting.slice(0, most)) {
        set.members.set(id, waiting.score(id)!);
        waiting.delete(id);
      }
      queue.forgetEmptyGroup(name);
      queue.aggregationSets.set(setId, set);
      const { maxSize } = limits;
      if (maxSize > 0 && group.size >= maxSize && waiting.size < maxSize) queue.tellOfGroup(name, 'taken');
      const tasks = readMembers(queue, setId, set);
      return tasks.length > 0 ? { group: name, setId, deadlineS, tasks } : undefined;
    },

    async awaitSizes(queueName, sizes) {
      const untilMs = store.clock.nowMs() + AWAITED_SIZES_LIFE_MS;
      for (const size of sizes) store.queue(queueName).fullSizes.set(String(size), true, untilMs);
    },

    async onGroupNews(queue, listener) {
      return subscribe(store.queue(queue).groupListeners, (group, news) => listener(group, news));
    },

    async archiveMembers(queueName, set, messages) {
      const queue = store.queue(queueName);
      const members = ownSet(queue, set)?.members;
      if (!members) return 0;
      const archived = messages.filter(({ id }) => members.delete(id));
      for (const message of archived) queue.archive(message.id, queue.task(message.id), message);
      dropIfEmpty(queue, set.setId);
      return archived.length;
    },

    async finishSet(queueName, set, { message, processAtMs, uniqueTtlS }) {
      const queue = store.queue(queueName);
      const nowMs = store.clock.nowMs();
      const members = ownSet(queue, set)?.members;
      const msg = encodeTaskMessage(message);
      if (!members) return { status: isStored(queue, message.id, msg) ? 'finished' : 'setLost' };
      if (queue.isTaken(message.id) && !members.has(message.id)) return { status: 'idConflict' };
      const holderId = uniqueTtlS === undefined ? undefined : queue.locks.get(message.uniqueKey);
      if (holderId !== undefined && !members.has(holderId)) return { status: 'duplicate', holderId };

      for (const { id, uniqueKey } of set.tasks.filter((member) => members.has(member.id))) {
        queue.unlock(uniqueKey, id);
        queue.tasks.delete(id);
        if (id !== message.id) tellWaiters(queue, id, 'removed');
      }
      queue.aggregationSets.delete(set.setId);
      queue.clearExpired(message.id);
      const task = queue.task(message.id);
      task.msg = msg;
      if (uniqueTtlS !== undefined) {
        queue.locks.set(message.uniqueKey, message.id, nowMs + uniqueTtlS * 1000);
        task.uniqueKey = message.uniqueKey;
      }
      if (processAtMs === undefined || processAtMs <= nowMs) queue.makePending(message.id, task, 'left');
      else queue.makeDelayed(message.id, task, 'scheduled', processAtMs);
      return { status: 'finished' };
    },

    async returnSet(queueName, set) {
      const queue = store.queue(queueName);
      const own = ownSet(queue, set);
      if (own) giveBack(queue, set.setId, own);
    },

    async reclaimSets(queueName, limit) {
      const queue = store.queue(queueName);
      const nowMs = monotonicMs(store.clock);
      const stale = [...queue.aggregationSets].filter(([, { lostAtMs }]) => lostAtMs <= nowMs).slice(0, limit);
      for (const [setId, set] of stale) giveBack(queue, setId, set);
      return stale.length;
    },

    async nameLostGroups(queueName, limit) {
      const queue = store.queue(queueName);
      const nowS = floorS(store.clock.nowMs());
      for (const { group, deadlineS } of [...queue.aggregationSets.values()].slice(0, limit)) {
        queue.expectGroup(group, Math.max(deadlineS, nowS));
      }
      for (const id of queue.retry.slice(0, limit)) {
        const group = queue.tasks.get(id)?.group;
        if (group) queue.expectGroup(group, Math.max(ceilS(queue.retry.score(id)!), nowS));
      }
      const isAnyExpected = [queue.scheduled, queue.retry, queue.aggregationSets].some(({ size }) => size > 0);
      let named = 0;
      for (const [name, untilS] of queue.expectedGroups) {
        if (!isAnyExpected || untilS <= nowS - SET_LIFE_S) queue.expectedGroups.delete(name);
        if (!queue.groups.get(name)?.size || queue.groupNames.has(name)) continue;
        queue.groupNames.add(name);
        named += 1;
      }
      return named;
    },
  };
}

/** How many of the tasks that wait longest a set may hold. */
function fittingSize(queue: MemoryQueue, waiting: SortedSet): number {
  let bytes = 0;
  const end = waiting
    .slice(0, LARGEST_SET)
    .findIndex((id, i) => (bytes += queue.tasks.get(id)?.msg?.length ?? 0) > LARGEST_SET_BYTES && i > 0);
  return end < 0 ? LARGEST_SET : end;
}

function waitingGroup(queue: MemoryQueue, name: string): WaitingGroup | undefined {
  const group = queue.groups.get(name);
  const [oldest, newest] = [group?.first(), group?.last()];
  return group && oldest && newest && { name, size: group.size, oldestS: oldest.score, newestS: newest.score };
}

/** The sound messages of a set; all else is taken out of it. */
function readMembers(queue: MemoryQueue, setId: string, { members }: MemorySet): TaskMessage[] {
  const sound: TaskMessage[] = [];
  for (const id of members.slice(0, members.size)) {
    const stored = queue.read(id);
    if (stored?.isSound) {
      sound.push(stored.message);
      continue;
    }
    members.delete(id);
    if (stored) queue.quarantine(id, queue.task(id), stored.message);
    else queue.tasks.delete(id);
  }
  dropIfEmpty(queue, setId);
  return sound;
}

/** The set, if it still belongs to whoever took it. */
function ownSet(queue: MemoryQueue, { setId, deadlineS }: AggregationSet): MemorySet | undefined {
  const set = queue.aggregationSets.get(setId);
  return set?.deadlineS === deadlineS ? set : undefined;
}

function dropIfEmpty(queue: MemoryQueue, setId: string): void {
  if (queue.aggregationSets.get(setId)?.members.size === 0) queue.aggregationSets.delete(setId);
}

function giveBack(queue: MemoryQueue, setId: string, { group, members }: MemorySet): void {
  for (const { id, score } of members) queue.joinGroup(group, id, score);
  queue.aggregationSets.delete(setId);
}

function isStored(queue: MemoryQueue, id: string, msg: Uint8Array): boolean {
  const stored = queue.tasks.get(id)?.msg;
  return stored !== undefined && Buffer.compare(stored, msg) === 0;
}
