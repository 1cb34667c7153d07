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
  SMALL_SET,
  SMALL_SET_BYTES,
  type WaitingGroup,
} from '../contract/groups.js';
import { ripeFromS } from '../group-ripeness.js';
import type { MemoryQueue, MemorySet, MemoryStore } from './memory-store.js';
import { type ScoredId, SortedSet } from './sorted-set.js';
import { subscribe } from './subscribe.js';
import { notifyWaiters } from './waiting.js';

/** Groups per page. */
const PAGE = 100;

export function groupOps(store: MemoryStore): GroupOps {
  return {
    async waitingGroups(queueName, position = '') {
      const queue = store.queue(queueName);
      // By time, because this order is sorted: a group that changes moves behind the position.
      const page = queue.groupsByTime.newest.after(position === '' ? undefined : readPlace(position), PAGE);
      const nowS = floorS(store.clock.nowMs());
      return {
        groups: page.flatMap(({ id }) => (queue.groupNames.has(id) && waitingGroup(queue, id, nowS)) || []),
        next: page.length < PAGE ? undefined : JSON.stringify(page.at(-1)),
      };
    },

    async orderGroups() {
      return false; // always in order
    },

    async groupsByTime(queueName, order, after, limit) {
      const place = after && { id: after.name, score: after.atS };
      const entries = store.queue(queueName).groupsByTime[order].after(place, limit);
      return entries.map(({ id: name, score: atS }) => ({ name, atS }));
    },

    async takeSmall(queueName, name, limits) {
      const queue = store.queue(queueName);
      const waiting = queue.groups.get(name);
      const most = waiting ? Math.min(waiting.size, limits.maxSize || Infinity) : 0;
      if (most > SMALL_SET || (waiting && fittingSize(queue, waiting.slice(0, most), SMALL_SET_BYTES) < most))
        return 'tooLarge';
      return this.takeRipe(queueName, name, limits);
    },

    async takeRipe(queueName, name, limits) {
      const queue = store.queue(queueName);
      const nowS = floorS(store.clock.nowMs());
      const group = waitingGroup(queue, name, nowS);
      if (!group || ripeFromS(group, limits) > nowS) return undefined;

      const waiting = queue.groups.get(name)!;
      const deadlineS = nowS + SET_LIFE_S;
      const lostAtMs = monotonicMs(store.clock) + fromS(deadlineS) - store.clock.nowMs();
      const set: MemorySet = { group: name, deadlineS, lostAtMs, members: new SortedSet() };
      const setId = randomUUID();
      const fitting = fittingSize(queue, waiting.slice(0, LARGEST_SET), LARGEST_SET_BYTES);
      const most = Math.min(fitting, limits.maxSize > 0 ? limits.maxSize : Infinity);
      for (const id of waiting.slice(0, most)) {
        set.members.set(id, waiting.score(id)!);
        waiting.delete(id);
      }
      queue.forgetEmptyGroup(name);
      queue.aggregationSets.set(setId, set);
      const { maxSize } = limits;
      if (maxSize > 0 && group.size >= maxSize && waiting.size < maxSize) queue.notifyGroup(name, 'taken');
      const tasks = readMembers(queue, setId, set);
      if (tasks.length === 0) return this.takeRipe(queueName, name, limits);
      return { group: name, setId, deadlineS, tasks, left: waiting.size };
    },

    async awaitSizes(queueName, sizes) {
      const untilMs = store.clock.nowMs() + AWAITED_SIZES_LIFE_MS;
      for (const size of sizes) store.queue(queueName).fullSizes.set(String(size), true, untilMs);
    },

    async onGroupChanged(queue, listener) {
      return subscribe(store.queue(queue).groupListeners, (group, change) => listener(group, change));
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

    async finishSet(queueName, set, combined) {
      const { message, processAtMs, uniqueTtlS } = combined;
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
        if (id !== message.id) notifyWaiters(queue, id, 'removed');
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
      for (const listener of store.writtenListeners) listener(combined);
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

const readPlace = (position: string): ScoredId => JSON.parse(position) as ScoredId;

/** How many of the first tasks a set may hold: the first one always, others within a limit for their messages. */
function fittingSize(queue: MemoryQueue, ids: readonly string[], mostBytes: number): number {
  let bytes = 0;
  const end = ids.findIndex((id, i) => (bytes += queue.tasks.get(id)?.msg?.length ?? 0) > mostBytes && i > 0);
  return end < 0 ? ids.length : end;
}

function waitingGroup(queue: MemoryQueue, name: string, nowS: number): WaitingGroup | undefined {
  const group = queue.groups.get(name);
  const oldest = group?.first();
  if (!group || !oldest) return undefined;
  const joined = group.countBelow(nowS + 1); // scores of the memory are whole seconds
  const newest = group.slice(Math.max(0, joined - 1), 1)[0]!;
  return { name, size: group.size, oldestS: oldest.score, newestS: group.score(newest)! };
}

/** The valid messages of a set; all other members are removed from it. */
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

/** The set, if it still belongs to the server that took it. */
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
