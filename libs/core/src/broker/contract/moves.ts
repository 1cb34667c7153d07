import type { TaskState } from '../../wire/task-state.js';
import type { TaskList } from './lists.js';

/** `pending`: runs after those that wait; `pendingHead`: runs next. */
export type MoveTarget = 'pending' | 'pendingHead' | 'archived' | 'deleted';

/** End of `pending`: `oldest` runs next. */
export type ListEnd = 'oldest' | 'newest';

export interface MoveOptions {
  /**
   * The end of `pending` near which the ids lie: the search begins there. Default `oldest`; a task that is not pending
   * is not searched for.
   */
  readonly near?: ListEnd | undefined;
  /** For each id the stamp that a scan gave: it is taken only if it has not left the list since. Default: anyhow. */
  readonly stamps?: readonly string[] | undefined;
}

/** Moves and changes tasks that do not run. */
export interface MoveOps {
  /**
   * Takes tasks out of a list other than `active`; for each whether it was there and was moved. Atomic per task, in
   * script calls of at most 250 tasks. Deleting releases the unique lock; the other moves keep it. An id without a
   * message leaves the list, too, but only as deleted does it count as moved.
   */
  moveTasks(
    queue: string,
    from: TaskList,
    ids: readonly string[],
    to: MoveTarget,
    options?: MoveOptions,
  ): Promise<boolean[]>;
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
