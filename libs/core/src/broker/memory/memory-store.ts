// Imported, since the global is a getter, which costs more than a short copy.
import { Buffer } from 'node:buffer';
import { type Clock, monotonicMs } from '../../runtime/clock.js';
import { queueMicrotask } from '../../runtime/microtasks.js';
import type { SchedulerEnqueueEvent, SchedulerEntry } from '../../wire/scheduler-entry.js';
import { encodeTaskMessage, type TaskMessage } from '../../wire/task-message.js';
import type { TaskState } from '../../wire/task-state.js';
import { floorS } from '../../wire/unix-time.js';
import type { NewTask } from '../contract/enqueue.js';
import type { StoredEvent } from '../contract/events.js';
import type { GroupChange, GroupOrder } from '../contract/groups.js';
import type { ShownServer } from '../contract/presence.js';
import type { CatchUp, TaskTemplate } from '../contract/schedules.js';
import type { TaskEnding } from '../contract/waiting.js';
import { readStoredMessage, type StoredMessage } from '../stored-message.js';
import { Counters } from './counters.js';
import { ExpiringMap } from './expiring-map.js';
import { IdList } from './id-list.js';
import { SortedSet } from './sorted-set.js';
import { Turns } from './turns.js';
import { Waiters } from './waiters.js';

/** Number of queues at which empty ones are first dropped. */
const FIRST_SWEEP_SIZE = 64;

/** One task: the fields of its hash in Redis, by other names. */
export interface MemoryTask {
  /** Protobuf bytes, as in Redis: callers cannot change them, and tests can store any broken state. */
  msg?: Uint8Array | undefined;
  state?: TaskState | undefined;
  /** Unix ns. */
  pendingSinceNs?: bigint | undefined;
  /** Full name of the lock it took when it was enqueued. */
  uniqueKey?: string | undefined;
  group?: string | undefined;
  result?: Uint8Array | undefined;
  /** JSON and its attempt, as Redis holds it. */
  progress?: string | undefined;
  /** A cancel request and its attempt, as Redis holds them. */
  cancelThen?: string | undefined;
  /** When an inspector moved it within `pending` to the head, unix ns. */
  runNextNs?: bigint | undefined;
  /** Unix ms. */
  dueAtMs?: number | undefined;
  /** Numbers and the attempt up to which they count, as Redis holds them. */
  crashes?: string | undefined;
  /** That its server has no other task, and the attempt, as Redis holds it. */
  alone?: string | undefined;
  /** Unix ms and the next attempt, as Redis holds it. */
  unknownSinceMs?: string | undefined;
  /** The delays between its attempts, as Redis holds them. */
  backoff?: string | undefined;
  /** The original bytes of a quarantined task. */
  rawMsg?: Uint8Array | undefined;
}

/** The definition and the progress of a schedule; times in unix ms. */
export interface MemorySchedule {
  spec: string;
  taskType: string;
  /** Protobuf bytes, as in Redis. */
  msg: Uint8Array;
  times: Omit<TaskTemplate, 'message'>;
  catchUp: CatchUp;
  /** Of all the above. */
  digest: string;
  sinceMs: number;
  /** Ticks after this one are unclaimed. */
  claimedMs: number;
  firedMs?: number | undefined;
  isPaused: boolean;
}

/** Tasks taken from a group for aggregation. */
export interface MemorySet {
  readonly group: string;
  /** Unix s. */
  readonly deadlineS: number;
  /** The same by the monotonic clock: setting the time of day loses no set. */
  readonly lostAtMs: number;
  /** Ids and when they joined the group, unix s. */
  readonly members: SortedSet;
}

/** The published events of a queue. */
interface MemoryStream {
  /** Oldest first. */
  readonly entries: readonly StoredEvent[];
  /** Monotonic. */
  readonly expiresAtMs: number;
}

/** The data of one queue, under the names of the keys in Redis. Scores are unix s unless stated otherwise. */
export class MemoryQueue {
  readonly tasks = new Map<string, MemoryTask>();
  /** New ids at the left, next to run at the right. */
  readonly pending = new IdList();
  /** Newest at the left. */
  readonly active = new IdList();
  readonly lease = new SortedSet();
  /** Scores unix ms: the exact due time. Redis keeps its second, rounded up, and the rest in the hash. */
  readonly scheduled = new SortedSet();
  /** Scores unix ms, as in `scheduled`. */
  readonly retry = new SortedSet();
  readonly archived = new SortedSet();
  readonly completed = new SortedSet();
  readonly groups = new Map<string, SortedSet>();
  readonly groupNames = new Set<string>();
  /** Names of groups; scores: when their newest, or their oldest, tasks joined. */
  readonly groupsByTime: Readonly<Record<GroupOrder, SortedSet>> = { newest: new SortedSet(), oldest: new SortedSet() };
  /** Groups that Go may add tasks to without naming them, and until when. */
  readonly expectedGroups = new Map<string, number>();
  /** By the id of the set. */
  readonly aggregationSets = new Map<string, MemorySet>();
  readonly counters = new Counters();
  /** Full name of the lock to the id of the task that holds it. */
  readonly locks: ExpiringMap<string>;
  /** Duty to the id of the server that holds it. */
  readonly duties: ExpiringMap<string>;
  /** Watches that wait for a pending task. */
  readonly peekers: Waiters;
  /** Watches that wait for a wake token. */
  readonly tokenWaiters: Waiters;
  /** Unused wake tokens; they expire together, by the monotonic clock. */
  tokens = { count: 0, expireAtMs: 0 };
  readonly nudgeListeners: Set<() => void>;
  /** Sizes of groups that aggregators wait for. */
  readonly fullSizes: ExpiringMap<true>;
  readonly groupListeners: Set<(group: string, change: GroupChange) => void>;
  /** Ids of awaited tasks. */
  readonly awaited: ExpiringMap<'waiting' | 'deleted'>;
  readonly endedListeners: Set<(taskId: string, ending: TaskEnding) => void>;
  /** `undefined`: no events were published. */
  stream: MemoryStream | undefined;
  readonly eventListeners: Set<(lastId: string) => void>;
  /** By name. */
  readonly schedules = new Map<string, MemorySchedule>();
  readonly scheduleListeners: Set<(name: string) => void>;
  /** Unix s; `undefined` when it is not paused. */
  pausedAtS: number | undefined;
  /** Where the next repair pass continues, as an index into each set. */
  repairFrom = 0;

  /** @param purged the purged queue of this name: its data is deleted, but waits and listeners continue */
  constructor(
    readonly name: string,
    readonly clock: Clock,
    purged?: MemoryQueue,
  ) {
    this.locks = new ExpiringMap(clock);
    this.duties = new ExpiringMap(clock);
    this.awaited = new ExpiringMap(clock);
    this.fullSizes = new ExpiringMap(clock);
    this.peekers = purged?.peekers ?? new Waiters(clock);
    this.tokenWaiters = purged?.tokenWaiters ?? new Waiters(clock);
    this.nudgeListeners = purged?.nudgeListeners ?? new Set();
    this.endedListeners = purged?.endedListeners ?? new Set();
    this.eventListeners = purged?.eventListeners ?? new Set();
    this.scheduleListeners = purged?.scheduleListeners ?? new Set();
    this.groupListeners = purged?.groupListeners ?? new Set();
  }

  /** Whether it may be dropped: no data, no waits and no listeners. */
  get isEmpty(): boolean {
    const { tasks, pending, active, lease, groupNames, expectedGroups, aggregationSets, schedules } = this;
    const { locks, duties, awaited, fullSizes, peekers, tokenWaiters } = this;
    const data = [tasks, pending, active, lease, groupNames, expectedGroups, aggregationSets, schedules];
    const listeners = [this.nudgeListeners, this.endedListeners, this.scheduleListeners, this.groupListeners];
    const isRead = this.stream !== undefined || this.eventListeners.size > 0;
    const holdsNothing = [...data, locks, duties, awaited, fullSizes, peekers, tokenWaiters, ...listeners].every(
      ({ size }) => size === 0,
    );
    const isMarked = this.pausedAtS !== undefined || this.counters.total.processed > 0;
    return holdsNothing && !isMarked && !isRead && monotonicMs(this.clock) >= this.tokens.expireAtMs;
  }

  /** The hash of a task; as in Redis, writing to a missing one creates it. */
  task(id: string): MemoryTask {
    let task = this.tasks.get(id);
    if (!task) this.tasks.set(id, (task = {}));
    return task;
  }

  /** The message of a task as a copy of its own; `undefined` when the hash or its message is missing. */
  read(id: string): StoredMessage | undefined {
    const bytes = this.tasks.get(id)?.msg;
    return bytes && readStoredMessage(this.name, id, Buffer.from(bytes));
  }

  /** Adds a task to `pending`: at the left to run last, at the right to run next. */
  makePending(id: string, task: MemoryTask, side: 'left' | 'right'): void {
    task.state = 'pending';
    task.pendingSinceNs = this.clock.nowNs();
    if (side === 'left') this.pending.pushLeft(id);
    else this.pending.pushRight(id);
    this.peekers.releaseAll();
  }

  /** Schedules a task; nudges the forwarders when it is due before all others. */
  makeDelayed(id: string, task: MemoryTask, state: 'scheduled' | 'retry', dueAtMs: number): void {
    task.state = state;
    task.dueAtMs = Math.ceil(dueAtMs);
    const first = this[state].first();
    this[state].set(id, task.dueAtMs);
    if (!first || task.dueAtMs < first.score) this.nudge();
  }

  /** Adds a task to its group. */
  makeAggregating(id: string, task: MemoryTask, group: string): void {
    task.state = 'aggregating';
    task.group = group;
    this.joinGroup(group, id, floorS(this.clock.nowMs()));
    const { size } = this.groups.get(group)!;
    if (size === 1) this.nudge();
    if (this.fullSizes.entries().some(([fullSize]) => size % Number(fullSize) === 0)) this.notifyGroup(group, 'full');
  }

  /** Notifies the listeners asynchronously, never within the operation. */
  notifyGroup(group: string, change: GroupChange): void {
    for (const listener of this.groupListeners) queueMicrotask(() => listener(group, change));
  }

  joinGroup(name: string, id: string, joinedAtS: number): void {
    const group = this.groups.get(name) ?? new SortedSet();
    group.set(id, joinedAtS);
    this.groups.set(name, group);
    this.groupNames.add(name);
    this.orderGroup(name);
  }

  private orderGroup(name: string): void {
    const group = this.groups.get(name);
    const { newest, oldest } = this.groupsByTime;
    for (const [order, entry] of [[newest, group?.last()] as const, [oldest, group?.first()] as const]) {
      if (!entry) order.delete(name);
      else if (order.score(name) !== entry.score) order.set(name, entry.score);
    }
  }

  /** Remembers until `untilS` that Go may add tasks to a group without naming it. */
  expectGroup(name: string, untilS: number): void {
    this.expectedGroups.set(name, Math.max(this.expectedGroups.get(name) ?? 0, untilS));
  }

  /** As in Redis, where a sorted set without members is gone. */
  forgetEmptyGroup(name: string | undefined): void {
    if (name === undefined) return;
    this.orderGroup(name);
    if (this.groups.get(name)?.size) return;
    this.groups.delete(name);
    this.groupNames.delete(name);
  }

  /** Whether an existing task blocks this id. One past its retention does not; see `clearExpired`. */
  isTaken(id: string): boolean {
    return this.tasks.has(id) && !this.isExpired(id);
  }

  /** Deletes a task past its retention. */
  clearExpired(id: string): void {
    if (!this.isExpired(id)) return;
    this.completed.delete(id);
    this.tasks.delete(id);
  }

  private isExpired(id: string): boolean {
    const deleteAtS = this.completed.score(id);
    return (
      deleteAtS !== undefined && deleteAtS <= floorS(this.clock.nowMs()) && this.tasks.get(id)?.state === 'completed'
    );
  }

  /** Ends the lease of a task. */
  release(id: string): void {
    this.active.delete(id);
    this.lease.delete(id);
  }

  archive(id: string, task: MemoryTask, message: TaskMessage): void {
    task.msg = encodeTaskMessage(message);
    task.state = 'archived';
    this.archived.set(id, floorS(this.clock.nowMs()));
  }

  /** Archives an active task with an unusable message; its bytes are kept. */
  quarantine(id: string, task: MemoryTask, message: TaskMessage): void {
    this.release(id);
    task.rawMsg = task.msg;
    this.archive(id, task, message);
  }

  /** Removes an id without a message from every set except `pending`, and deletes its stub hash. */
  dropOrphan(id: string): void {
    this.release(id);
    for (const set of [this.scheduled, this.retry, this.archived, this.completed]) set.delete(id);
    this.tasks.delete(id);
  }

  /** Releases a lock, if the task holds it. */
  unlock(lockKey: string | undefined, id: string): void {
    if (lockKey && this.locks.get(lockKey) === id) this.locks.delete(lockKey);
  }

  /** Notifies the listeners asynchronously, never within the operation. */
  nudge(): void {
    for (const listener of this.nudgeListeners) queueMicrotask(listener);
  }
}

/** All data of a memory broker. */
export class MemoryStore {
  private readonly queues = new Map<string, MemoryQueue>();
  private sweepAtSize = FIRST_SWEEP_SIZE;
  /** Queues in `asynq:queues`. */
  readonly announced = new Set<string>();
  /** Queues in which a schedule was stored. */
  readonly scheduleQueues = new Set<string>();
  /** By server id. */
  readonly presence: ExpiringMap<ShownServer>;
  readonly cancelListeners = new Set<(taskId: string) => void>();
  /** Hear of every new task, within the operation that wrote it. */
  readonly writtenListeners = new Set<(task: NewTask) => void>();
  /** Published plans, by scheduler id. */
  readonly schedulers: ExpiringMap<readonly SchedulerEntry[]>;
  /** Enqueue events by entry id, oldest first. */
  readonly schedulerEvents = new Map<string, readonly SchedulerEnqueueEvent[]>();

  readonly turns: Turns;

  constructor(readonly clock: Clock) {
    this.turns = new Turns(clock);
    this.presence = new ExpiringMap(clock);
    this.schedulers = new ExpiringMap(clock);
  }

  queue(name: string): MemoryQueue {
    return this.queues.get(name) ?? this.addQueue(name);
  }

  get allQueues(): Iterable<MemoryQueue> {
    return this.queues.values();
  }

  private addQueue(name: string): MemoryQueue {
    if (this.queues.size >= this.sweepAtSize) this.dropEmptyQueues();
    const queue = new MemoryQueue(name, this.clock);
    this.queues.set(name, queue);
    return queue;
  }

  /** Reading a queue creates it, and so does subscribing to it. */
  private dropEmptyQueues(): void {
    for (const [name, queue] of this.queues) if (queue.isEmpty) this.queues.delete(name);
    this.sweepAtSize = Math.max(FIRST_SWEEP_SIZE, 2 * this.queues.size);
  }

  /** Drops all data of a queue, but not its listeners. */
  purge(name: string): void {
    this.queues.set(name, new MemoryQueue(name, this.clock, this.queues.get(name)));
    this.announced.delete(name);
    this.scheduleQueues.delete(name);
  }

  /** Drops a queue with its data, waits and listeners. */
  forget(name: string): void {
    this.queues.delete(name);
    this.announced.delete(name);
    this.scheduleQueues.delete(name);
  }
}
