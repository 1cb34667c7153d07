import type { BackoffRecord } from '../../wire/backoff-record.js';
import type { TaskMessage } from '../../wire/task-message.js';
import type { ProgressRecord } from '../../wire/task-progress.js';
import type { TaskState } from '../../wire/task-state.js';

/**
 * Approximate limit for the tasks in one reply beyond its first, so that replies stay short on a slow link. Methods
 * that read tasks send further commands, or return the position at which to continue.
 */
export const MOST_READ_BYTES = 1_048_576;

export interface StoredTask {
  readonly message: TaskMessage;
  readonly state: TaskState;
  /** When it will be processed, for scheduled, retry and pending tasks. */
  readonly nextProcessAtMs: number | undefined;
  readonly result: Uint8Array | undefined;
  /** The last progress that its handler reported, perhaps in an earlier attempt. */
  readonly progress: ProgressRecord | undefined;
  /** Active, but its lease ended. */
  readonly isOrphaned: boolean;
  readonly crashes: number;
  /** The delays between its attempts, if it was enqueued with some. */
  readonly backoff?: BackoffRecord | undefined;
}

/** A list of tasks: a state of a queue, or a group. */
export interface TaskList {
  readonly state: TaskState;
  /** Required for `aggregating`, absent otherwise. */
  readonly group?: string | undefined;
}

/** An entry of a list, as found by a scan. */
export interface ScannedId {
  readonly id: string;
  /** Changes when the task leaves the list and comes back; see `MoveOps.moveTasks`. Empty for active tasks. */
  readonly stamp: string;
}

/** What a scan may leave out: it returns all tasks that meet this, and perhaps others. */
export interface ScanFilter {
  /** Bytes that occur in the message. */
  readonly texts: readonly Uint8Array[];
  /** ASCII letters of either case are equal; the texts are in lower case. */
  readonly ignoresCase: boolean;
  readonly idPrefix?: string | undefined;
  /** Of the time of its state, see {@link ScannedTask.atMs}. */
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
}

/** A task, as found by a scan. */
export interface ScannedTask {
  readonly task: StoredTask;
  readonly stamp: string;
  /**
   * The time of its state: due (scheduled, retry), archived, completed, added to the group or to pending. `undefined`
   * for active tasks and when it was not recorded.
   */
  readonly atMs: number | undefined;
  /** Number of entries of the page before it. */
  readonly at: number;
  /** The position behind this task, at which a scan can resume. */
  after(): string;
}

interface IdPage {
  readonly entries: readonly ScannedId[];
  /** Where the next page begins; `undefined` at the end of the list. */
  readonly next: string | undefined;
}

interface ScanPage {
  readonly tasks: readonly ScannedTask[];
  /** Entries read; more than `tasks` when ids had no message, or did not meet the filter. */
  readonly scanned: number;
  /** Where the next page begins; `undefined` at the end of the list. */
  readonly next: string | undefined;
}

/** Single tasks and lists of tasks. */
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
   * Scans a whole list in pages of `limit` entries or {@link MOST_READ_BYTES}; the list may change between pages. A task
   * that stays in its place from the first page to the last is returned, whatever else comes and goes; in `pending` and
   * `active` perhaps more than once. One that is added later, leaves or moves may or may not be returned. Order: as
   * {@link listTasks}, but `pending` and `active` newest first.
   * @param position `undefined` at the start, then `next` or `after()` of an earlier page
   * @param filter tasks that do not meet it may be missing; the same for all pages
   * @throws {InvalidOptionsError} `position` does not belong to such a list
   */
  scanTasks(
    queue: string,
    list: TaskList,
    position: string | undefined,
    limit: number,
    filter?: ScanFilter,
  ): Promise<ScanPage>;
  /** The same scan, of ids only. Includes ids without a message. */
  scanIds(queue: string, list: TaskList, position: string | undefined, limit: number): Promise<IdPage>;
  /** The groups with waiting tasks and their sizes, by name. */
  groupSizes(queue: string): Promise<{ group: string; size: number }[]>;
}
