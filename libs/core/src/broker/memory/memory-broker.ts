import { type Clock, systemClock } from '../../runtime/clock.js';
import { keySlot } from '../../wire/key-slot.js';
import { keys } from '../../wire/keys.js';
import type { SchedulerEnqueueEvent, SchedulerEntry } from '../../wire/scheduler-entry.js';
import type { ServerInfo, WorkerInfo } from '../../wire/server-info.js';
import type { TaskMessage } from '../../wire/task-message.js';
import type { ProgressRecord } from '../../wire/task-progress.js';
import type { TaskState } from '../../wire/task-state.js';
import type { AggregationSet, FinishReply, GroupLimits, GroupNews, WaitingGroup } from '../group-roles.js';
import type {
  ArchiveLimits,
  Broker,
  BrokerFacts,
  Duty,
  EnqueueOutcome,
  ExtendReply,
  FetchReply,
  ForwardReply,
  LeaseClaim,
  NewTask,
  QueueWatch,
  RecoverOptions,
  RecoverReply,
  RepairReport,
  Settlement,
  SettleReply,
} from '../roles.js';
import type {
  ClusterNode,
  DailyCount,
  MoveTarget,
  QueueStats,
  ScanPage,
  ShownServer,
  StoredTask,
  TaskList,
} from '../inspect-roles.js';
import type {
  ScheduleDefinition,
  ScheduleId,
  ScheduleProgress,
  ScheduleTick,
  StoredSchedule,
  TickReply,
} from '../schedule-roles.js';
import type { CancelOutcome, TaskEnding } from '../wait-roles.js';
import { dropDuty, keepDuty, takeDuty } from './duty.js';
import { enqueue } from './enqueue.js';
import { forwardDue } from './forward.js';
import {
  archiveMembers,
  awaitSizes,
  finishSet,
  nameLostGroups,
  reclaimSets,
  returnSet,
  takeRipe,
  waitingGroups,
} from './groups.js';
import { findTask, queueStats } from './inspect.js';
import { extendLeases, fetch } from './lease.js';
import { dailyCounts, groupSizes, listIds, listSize, listTasks, scanTasks } from './lists.js';
import { MemoryStore } from './memory-store.js';
import type { SharedStore } from './shared-stores.js';
import { lockTtlS, moveTasks, reschedule, updatePayload } from './moves.js';
import { pause, unpause } from './pausing.js';
import { recordEnqueueEvent, writePlan } from './plan.js';
import { recoverExpired, repair } from './recover.js';
import { purgeQueue, removeQueue } from './removal.js';
import { deleteExpiredCompleted, trimArchived } from './retention.js';
import { findSchedule, fireTick, removeSchedule, saveSchedule, schedules, setSchedulePaused } from './schedule.js';
import { settle, writeProgress, writeResult } from './settle.js';
import { awaitTask, cancelWish, signalCancel, wishCancel } from './wait.js';
import { openWatch, waitingCount, wakeIdle } from './waking.js';

/** What a broker in memory may be given. */
export interface MemoryBrokerOptions {
  /** Default: the clock of this machine. */
  readonly clock?: Clock | undefined;
  /** Data that others have open too. Default: data of its own. */
  readonly shared?: SharedStore | undefined;
}

/**
 * Queues inside this process: the embedded default, and the double for tests. Behaves as the Redis broker does, step
 * by step, and on the same bytes. Every operation is one synchronous step over {@link MemoryStore}, so it is atomic
 * without locks; only the waits of `openWatch` take time, and they take it from the clock.
 *
 * Share one broker between clients and servers. What it holds is gone when the process ends.
 */
export class MemoryBroker implements Broker {
  readonly kind = 'memory';
  readonly clock: Clock;
  /** The data itself, for tests that look behind the operations. */
  readonly store: MemoryStore;
  readonly #closing = new AbortController();
  readonly #release: (() => void) | undefined;

  constructor({ clock = systemClock, shared }: MemoryBrokerOptions = {}) {
    this.clock = clock;
    this.store = shared?.store ?? new MemoryStore(clock);
    this.#release = shared?.release;
  }

  async enqueue(tasks: readonly NewTask[]): Promise<EnqueueOutcome[]> {
    return enqueue(this.store, tasks);
  }

  async fetch(queue: string, limit: number, leaseMs: number): Promise<FetchReply> {
    const reply = fetch(this.store, queue, limit, leaseMs);
    // Without this turn a busy queue would run on promises alone, and timers and sockets would starve.
    if (reply.tasks.length > 0) await new Promise((resolve) => setImmediate(resolve));
    return reply;
  }

  async extendLeases(queue: string, claims: readonly LeaseClaim[], expiresAtS: number): Promise<ExtendReply> {
    return extendLeases(this.store, queue, claims, expiresAtS);
  }

  async settle(queue: string, settlements: readonly Settlement[]): Promise<SettleReply[]> {
    return settle(this.store, queue, settlements);
  }

  async forwardDue(queue: string, limit: number): Promise<ForwardReply> {
    return forwardDue(this.store, queue, limit);
  }

  async onNudge(queue: string, listener: () => void): Promise<() => Promise<void>> {
    return subscribe(this.store.queue(queue).nudgeListeners, () => listener());
  }

  async waitingGroups(queue: string): Promise<WaitingGroup[]> {
    return waitingGroups(this.store, queue);
  }

  async takeRipe(queue: string, group: string, limits: GroupLimits): Promise<AggregationSet | undefined> {
    return takeRipe(this.store, queue, group, limits);
  }

  async awaitSizes(queue: string, sizes: readonly number[]): Promise<void> {
    awaitSizes(this.store, queue, sizes);
  }

  async onGroupNews(queue: string, listener: (group: string, news: GroupNews) => void): Promise<() => Promise<void>> {
    return subscribe(this.store.queue(queue).groupListeners, (group, news) => listener(group, news));
  }

  async archiveMembers(queue: string, set: AggregationSet, messages: readonly TaskMessage[]): Promise<number> {
    return archiveMembers(this.store, queue, set, messages);
  }

  async finishSet(queue: string, set: AggregationSet, task: NewTask): Promise<FinishReply> {
    return finishSet(this.store, queue, set, task);
  }

  async returnSet(queue: string, set: AggregationSet): Promise<void> {
    returnSet(this.store, queue, set);
  }

  async reclaimSets(queue: string, limit: number): Promise<number> {
    return reclaimSets(this.store, queue, limit);
  }

  async nameLostGroups(queue: string, limit: number): Promise<number> {
    return nameLostGroups(this.store, queue, limit);
  }

  async recoverExpired(queue: string, options: RecoverOptions): Promise<RecoverReply> {
    return recoverExpired(this.store, queue, options);
  }

  async repair(queue: string, limit: number): Promise<RepairReport> {
    return repair(this.store, queue, limit);
  }

  async deleteExpiredCompleted(queue: string, limit: number): Promise<number> {
    return deleteExpiredCompleted(this.store, queue, limit);
  }

  async trimArchived(queue: string, limits: ArchiveLimits, limit: number): Promise<number> {
    return trimArchived(this.store, queue, limits, limit);
  }

  async pause(queue: string): Promise<boolean> {
    return pause(this.store, queue);
  }

  async unpause(queue: string): Promise<boolean> {
    return unpause(this.store, queue);
  }

  async publishCancel(taskId: string): Promise<void> {
    signalCancel(this.store, taskId);
  }

  async onCancel(listener: (taskId: string) => void): Promise<() => Promise<void>> {
    return subscribe(this.store.cancelListeners, (taskId) => listener(taskId));
  }

  async writeResult(queue: string, claim: LeaseClaim, result: Uint8Array): Promise<boolean> {
    return writeResult(this.store, queue, claim, result);
  }

  async writeProgress(message: TaskMessage, claim: LeaseClaim, progress: ProgressRecord): Promise<boolean> {
    return writeProgress(this.store, message, claim, progress);
  }

  async awaitTask(queue: string, taskId: string): Promise<TaskState | undefined> {
    return awaitTask(this.store, queue, taskId);
  }

  async onTaskEnded(
    queue: string,
    listener: (taskId: string, ending: TaskEnding) => void,
  ): Promise<() => Promise<void>> {
    return subscribe(this.store.queue(queue).endedListeners, (taskId, ending) => listener(taskId, ending));
  }

  async wishCancel(queue: string, taskId: string, wish: CancelOutcome): Promise<boolean> {
    return wishCancel(this.store, queue, taskId, wish);
  }

  async cancelWish(queue: string, taskId: string): Promise<CancelOutcome | undefined> {
    return cancelWish(this.store.queue(queue).tasks.get(taskId));
  }

  async writePresence(server: ServerInfo, workers: readonly WorkerInfo[], ttlS: number): Promise<void> {
    const expiresAtMs = this.store.clock.nowMs() + ttlS * 1000;
    this.store.presence.set(server.serverId, { server: { ...server }, workers: [...workers] }, expiresAtMs);
  }

  async clearPresence({ serverId }: Pick<ServerInfo, 'serverId'>): Promise<void> {
    this.store.presence.delete(serverId);
  }

  async takeDuty(queue: string, duty: Duty, serverId: string, leaseMs: number): Promise<boolean> {
    return takeDuty(this.store, queue, duty, serverId, leaseMs);
  }

  async keepDuty(queue: string, duty: Duty, serverId: string, leaseMs: number): Promise<boolean> {
    return keepDuty(this.store, queue, duty, serverId, leaseMs);
  }

  async dropDuty(queue: string, duty: Duty, serverId: string): Promise<void> {
    dropDuty(this.store, queue, duty, serverId);
  }

  async openWatch(queue: string): Promise<QueueWatch> {
    return openWatch(this.store, queue, this.#closing.signal);
  }

  async wakeIdle(queue: string, count: number): Promise<void> {
    wakeIdle(this.store, queue, count);
  }

  async waitingCount(queue: string): Promise<number> {
    return waitingCount(this.store, queue);
  }

  async queueNames(): Promise<string[]> {
    return [...this.store.announced];
  }

  async hasQueue(queue: string): Promise<boolean> {
    return this.store.announced.has(queue);
  }

  async queueStats(queue: string): Promise<QueueStats | undefined> {
    return queueStats(this.store, queue);
  }

  async findTask(queue: string, taskId: string): Promise<StoredTask | undefined> {
    return findTask(this.store, queue, taskId);
  }

  async listSize(queue: string, list: TaskList): Promise<number> {
    return listSize(this.store, queue, list);
  }

  async listIds(queue: string, list: TaskList, skip: number, limit: number): Promise<string[]> {
    return listIds(this.store, queue, list, skip, limit);
  }

  async listTasks(queue: string, list: TaskList, skip: number, limit: number): Promise<StoredTask[]> {
    return listTasks(this.store, queue, list, skip, limit);
  }

  async scanTasks(queue: string, list: TaskList, position: string | undefined, limit: number): Promise<ScanPage> {
    return scanTasks(this.store, queue, list, position, limit);
  }

  async groupSizes(queue: string): Promise<{ group: string; size: number }[]> {
    return groupSizes(this.store, queue);
  }

  async dailyCounts(queue: string, days: number): Promise<DailyCount[]> {
    return dailyCounts(this.store, queue, days);
  }

  /** Nobody measures what an object takes. */
  async memoryBytes(): Promise<undefined> {}

  async moveTasks(queue: string, from: TaskList, ids: readonly string[], to: MoveTarget): Promise<boolean[]> {
    return moveTasks(this.store, queue, from, ids, to);
  }

  async reschedule(queue: string, from: TaskList, taskId: string, atMs: number): Promise<boolean> {
    return reschedule(this.store, queue, from, taskId, atMs);
  }

  async updatePayload(queue: string, taskId: string, payload: Uint8Array): Promise<TaskState | undefined> {
    return updatePayload(this.store, queue, taskId, payload);
  }

  async lockTtlS(queue: string, taskId: string): Promise<number | undefined> {
    return lockTtlS(this.store, queue, taskId);
  }

  async removeQueue(queue: string): Promise<boolean> {
    return removeQueue(this.store, queue);
  }

  async purgeQueue(queue: string): Promise<number> {
    return purgeQueue(this.store, queue);
  }

  async shownServers(): Promise<ShownServer[]> {
    return this.store.presence.entries().map(([, shown]) => shown);
  }

  async schedulerEntries(): Promise<SchedulerEntry[]> {
    return this.store.schedulers.entries().flatMap(([, entries]) => entries);
  }

  async schedulerEvents(entryId: string, skip: number, limit: number): Promise<SchedulerEnqueueEvent[]> {
    return (this.store.schedulerEvents.get(entryId) ?? []).toReversed().slice(skip, skip + limit);
  }

  async clusterSlot(queue: string): Promise<number> {
    return keySlot(keys.pending(queue));
  }

  async clusterNodes(): Promise<ClusterNode[]> {
    return [];
  }

  async saveSchedule(definition: ScheduleDefinition): Promise<ScheduleProgress> {
    return saveSchedule(this.store, definition);
  }

  async fireTick(tick: ScheduleTick): Promise<TickReply> {
    return fireTick(this.store, tick);
  }

  async setSchedulePaused(schedule: ScheduleId, isPaused: boolean): Promise<boolean | undefined> {
    return setSchedulePaused(this.store, schedule, isPaused);
  }

  async removeSchedule(schedule: ScheduleId): Promise<boolean> {
    return removeSchedule(this.store, schedule);
  }

  async findSchedule(schedule: ScheduleId): Promise<StoredSchedule | undefined> {
    return findSchedule(this.store, schedule);
  }

  async scheduleQueues(): Promise<string[]> {
    return [...this.store.scheduleQueues];
  }

  async onScheduleChanged(queue: string, listener: (name: string) => void): Promise<() => Promise<void>> {
    return subscribe(this.store.queue(queue).scheduleListeners, (name) => listener(name));
  }

  async schedules(queue: string): Promise<StoredSchedule[]> {
    return schedules(this.store, queue);
  }

  async writePlan(schedulerId: string, entries: readonly SchedulerEntry[], ttlS: number): Promise<void> {
    writePlan(this.store, schedulerId, entries, ttlS);
  }

  async clearPlan(schedulerId: string): Promise<void> {
    this.store.schedulers.delete(schedulerId);
  }

  async recordEnqueueEvent(entryId: string, event: SchedulerEnqueueEvent): Promise<void> {
    recordEnqueueEvent(this.store, entryId, event);
  }

  async clearHistory(entryId: string): Promise<void> {
    this.store.schedulerEvents.delete(entryId);
  }

  async ping(): Promise<void> {}

  syncClock(): undefined {
    return undefined;
  }

  async facts(): Promise<BrokerFacts> {
    return { version: 'memory', evictionPolicy: 'noeviction', clockSkewMs: 0 };
  }

  async storeInfo(): Promise<Readonly<Record<string, string>>> {
    return {};
  }

  /** Ends the watches. The tasks stay for whatever else holds the broker, or has the shared data open. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#release?.();
  }
}

/** Each subscription is a member of its own, so that one listener may subscribe twice. */
function subscribe<Listener>(listeners: Set<Listener>, member: Listener): () => Promise<void> {
  listeners.add(member);
  return async () => void listeners.delete(member);
}
