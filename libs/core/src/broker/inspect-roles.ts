import type { SchedulerEnqueueEvent, SchedulerEntry } from '../wire/scheduler-entry.js';
import type { ServerInfo, WorkerInfo } from '../wire/server-info.js';
import type { TaskMessage } from '../wire/task-message.js';
import type { ProgressRecord } from '../wire/task-progress.js';
import type { TaskState } from '../wire/task-state.js';

/** What a broker promises to inspectors: pictures of queues and tasks, lists, moves, removal, and who is at work. */

// ---- one queue, one task ----------------------------------------------------------------------------------------

export interface QueueStats {
  readonly counts: Readonly<Record<TaskState, number>>;
  /** Groups with waiting tasks. */
  readonly groups: number;
  readonly processedToday: number;
  readonly failedToday: number;
  readonly processedTotal: number;
  readonly failedTotal: number;
  readonly isPaused: boolean;
  /** How long the next pending task has waited; 0 when none does or nobody wrote it down. */
  readonly latencyMs: number;
}

export interface StoredTask {
  readonly message: TaskMessage;
  readonly state: TaskState;
  /** When it will be processed, for scheduled, retry and pending tasks. */
  readonly nextProcessAtMs: number | undefined;
  readonly result: Uint8Array | undefined;
  /** What its handler said last of its progress, in an earlier attempt perhaps. */
  readonly progress: ProgressRecord | undefined;
  /** Active, but its lease ended. */
  readonly isOrphaned: boolean;
  readonly crashes: number;
}

export interface InspectOps {
  queueNames(): Promise<string[]>;
  /** Whether somebody announced the queue. */
  hasQueue(queue: string): Promise<boolean>;
  /** `undefined` when nobody announced the queue. */
  queueStats(queue: string): Promise<QueueStats | undefined>;
  /** `undefined` when the queue holds no such task. */
  findTask(queue: string, taskId: string): Promise<StoredTask | undefined>;
}

/** Where tasks lie together. */
export interface TaskList {
  readonly state: TaskState;
  /** Given for `aggregating`, and only then. */
  readonly group?: string | undefined;
}

// ---- lists ------------------------------------------------------------------------------------------------------

/** A task as a scan came by it. */
export interface ScannedTask {
  readonly task: StoredTask;
  /**
   * The time that belongs to its state: due (scheduled, retry), archived, completed, put into the group or into
   * pending. `undefined` for active tasks and where nobody wrote it down.
   */
  readonly atMs: number | undefined;
  /** Where a scan goes on behind this task. */
  readonly after: string;
}

export interface ScanPage {
  readonly tasks: readonly ScannedTask[];
  /** Entries looked at; more than `tasks` when ids had no message. */
  readonly scanned: number;
  /** Where the next page begins; `undefined` at the end of the list. */
  readonly next: string | undefined;
}

/** Counters of a day are kept for 90 days, as in asynq. */
export const DAILY_COUNTS_LIFE_MS = 90 * 24 * 3600 * 1000;

/** What became of a queue's attempts on one UTC day. */
export interface DailyCount {
  /** `yyyy-mm-dd`. */
  readonly day: string;
  /** Attempts ended, failed ones included. */
  readonly processed: number;
  readonly failed: number;
}

export interface ListOps {
  listSize(queue: string, list: TaskList): Promise<number>;
  /**
   * Ids in asynq's order: `pending` next to run first, `active` longest running first, all others by their score
   * (soonest, oldest, next to be deleted), equal scores by the id.
   */
  listIds(queue: string, list: TaskList, skip: number, limit: number): Promise<string[]>;
  /** The tasks of {@link listIds}, in the state of the list. Ids without a message are left out. */
  listTasks(queue: string, list: TaskList, skip: number, limit: number): Promise<StoredTask[]>;
  /**
   * The next entries, `limit` or as many as `MOST_READ_BYTES` allow, of a walk through a whole list, which may change meanwhile: a task that stays is not
   * missed, but for moves among tasks of the same second or in the middle of `pending`; one may come by twice.
   * Order: as {@link listIds}, but `pending` and `active` newest first.
   * @param position `undefined` to begin, then `next` or `after` of an earlier page
   */
  scanTasks(queue: string, list: TaskList, position: string | undefined, limit: number): Promise<ScanPage>;
  /** The groups with waiting tasks, by name, and how many wait. */
  groupSizes(queue: string): Promise<{ group: string; size: number }[]>;
  /** Today, yesterday, … `days` days. */
  dailyCounts(queue: string, days: number): Promise<DailyCount[]>;
  /** Estimate from samples; `undefined` when it cannot be had. */
  memoryBytes(queue: string): Promise<number | undefined>;
}

// ---- moves ------------------------------------------------------------------------------------------------------

/** `pending`: runs after those that wait; `pendingHead`: runs next. */
export type MoveTarget = 'pending' | 'pendingHead' | 'archived' | 'deleted';

/** End of `pending`: `oldest` runs next. */
export type ListEnd = 'oldest' | 'newest';

export interface MoveOps {
  /**
   * Takes tasks out of a list other than `active`; for each whether it was there and was moved. Atomic per task, in
   * script calls of at most 250 tasks. Deleting releases the unique lock; the other moves keep it. An id without a
   * message leaves the list, too, but only as deleted does it count as moved.
   * @param near the end of `pending` near which the ids lie: the search begins there. Default `oldest`
   */
  moveTasks(queue: string, from: TaskList, ids: readonly string[], to: MoveTarget, near?: ListEnd): Promise<boolean[]>;
  /**
   * Lets a task of a list other than `active` run at another time: one in `retry` stays there, all others are
   * scheduled. `false` when it was not in the list.
   */
  reschedule(queue: string, from: TaskList, taskId: string, atMs: number): Promise<boolean>;
  /**
   * Gives a scheduled task another payload; its unique lock stays that of the old one, as in asynq. Returns the state
   * that the task is in: in any other than `scheduled` nothing was written. `undefined`: no such task, or its message
   * cannot be read and is left as it is.
   */
  updatePayload(queue: string, taskId: string, payload: Uint8Array): Promise<TaskState | undefined>;
  /** How long the task will hold its unique lock, whole seconds; `undefined` when it holds none. */
  lockTtlS(queue: string, taskId: string): Promise<number | undefined>;
}

// ---- removal ----------------------------------------------------------------------------------------------------

export interface RemovalOps {
  /**
   * Removes a queue that has no pending, active, scheduled, retry or archived tasks from the list of queues; `false`
   * when it has some (nothing changed). As in asynq, completed and aggregating tasks, locks and counters stay behind.
   */
  removeQueue(queue: string): Promise<boolean>;
  /** Deletes every key of the queue, in bounded steps, and then its name; returns how many keys there were. */
  purgeQueue(queue: string): Promise<number>;
}

// ---- who is at work -----------------------------------------------------------------------------------------------

export interface ShownServer {
  readonly server: ServerInfo;
  readonly workers: readonly WorkerInfo[];
}

/** A node of a Redis Cluster that holds a queue. */
export interface ClusterNode {
  readonly id: string;
  /** `host:port`. */
  readonly address: string;
}

export interface FleetOps {
  /** Servers that gave a sign of life within their TTL, those of Go programs too. */
  shownServers(): Promise<ShownServer[]>;
  /** The plans of all schedulers that are alive. */
  schedulerEntries(): Promise<SchedulerEntry[]>;
  /** The firings of an entry, newest first. */
  schedulerEvents(entryId: string, skip: number, limit: number): Promise<SchedulerEnqueueEvent[]>;
  /** The Redis Cluster slot of the queue's keys. */
  clusterSlot(queue: string): Promise<number>;
  /** The nodes that hold the queue's keys, the master first; none outside of a cluster. */
  clusterNodes(queue: string): Promise<ClusterNode[]>;
}
