import type { TaskMessage } from '../../wire/task-message.js';
import type { ProgressRecord } from '../../wire/task-progress.js';
import type { TaskState } from '../../wire/task-state.js';

/**
 * About how many bytes of tasks one reply holds at most, beyond its first task: a reply must be over soon, also on a slow
 * link. What reads tasks reads on, or says where to.
 */
export const MOST_READ_BYTES = 1_048_576;

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

/** Where tasks lie together. */
export interface TaskList {
  readonly state: TaskState;
  /** Given for `aggregating`, and only then. */
  readonly group?: string | undefined;
}

/** An entry of a list as a scan came by it. */
export interface ScannedId {
  readonly id: string;
  /** Another one when the task has left the list and come back; see `MoveOps.moveTasks`. Empty for active tasks. */
  readonly stamp: string;
}

/** A task as a scan came by it. */
export interface ScannedTask {
  readonly task: StoredTask;
  readonly stamp: string;
  /**
   * The time that belongs to its state: due (scheduled, retry), archived, completed, put into the group or into
   * pending. `undefined` for active tasks and where nobody wrote it down.
   */
  readonly atMs: number | undefined;
  /** Where a scan goes on behind this task. */
  after(): string;
}

export interface IdPage {
  readonly entries: readonly ScannedId[];
  /** Where the next page begins; `undefined` at the end of the list. */
  readonly next: string | undefined;
}

export interface ScanPage {
  readonly tasks: readonly ScannedTask[];
  /** Entries looked at; more than `tasks` when ids had no message. */
  readonly scanned: number;
  /** Where the next page begins; `undefined` at the end of the list. */
  readonly next: string | undefined;
}

/** Single tasks and the lists they lie in. */
export interface ListOps {
  /** `undefined` when the queue holds no such task. */
  findTask(queue: string, taskId: string): Promise<StoredTask | undefined>;
  listSize(queue: string, list: TaskList): Promise<number>;
  /**
   * Tasks in asynq's order, in the state of the list: `pending` next to run first, `active` longest running first, all
   * others by their score (soonest, oldest, next to be deleted), equal scores by the id. Ids without a message are left
   * out.
   */
  listTasks(queue: string, list: TaskList, skip: number, limit: number): Promise<StoredTask[]>;
  /**
   * The next entries, `limit` or as many as {@link MOST_READ_BYTES} allow, of a walk through a whole list, which may change
   * meanwhile. A task that stays in its place from the first page to the last comes by, whatever else comes and goes; in `pending` and `active` perhaps more than
   * once. One that comes later, leaves, or gets another place may or may not come by.
   * Order: as {@link listTasks}, but `pending` and `active` newest first.
   * @param position `undefined` to begin, then `next` or `after()` of an earlier page
   * @throws {InvalidOptionsError} `position` is none of such a list
   */
  scanTasks(queue: string, list: TaskList, position: string | undefined, limit: number): Promise<ScanPage>;
  /** The same walk, without the tasks. Ids without a message come by, too. */
  scanIds(queue: string, list: TaskList, position: string | undefined, limit: number): Promise<IdPage>;
  /** The groups with waiting tasks, by name, and how many wait. */
  groupSizes(queue: string): Promise<{ group: string; size: number }[]>;
}
