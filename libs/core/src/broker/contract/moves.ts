import type { TaskState } from '../../wire/task-state.js';
import type { TaskList } from './lists.js';

/** `pending`: runs after all pending tasks; `pendingHead`: runs next. */
export type MoveTarget = 'pending' | 'pendingHead' | 'archived' | 'deleted';

/** End of `pending`: `oldest` runs next. */
export type ListEnd = 'oldest' | 'newest';

interface MoveOptions {
  /**
   * The end of `pending` that the ids are nearer to: the search begins there. Default `oldest`; a task that is not
   * pending is not searched for.
   */
  readonly near?: ListEnd | undefined;
  /**
   * The stamp of each id from a scan: the task is taken only if it has not left the list since. Default: in any case.
   */
  readonly stamps?: readonly string[] | undefined;
}

/** Moves and changes tasks that do not run. */
export interface MoveOps {
  /**
   * Moves tasks out of a list other than `active`; returns for each whether it was there and was moved. Atomic per task,
   * in script calls of at most 250 tasks. Deleting releases the unique lock; the other moves keep it. An id without a
   * message is removed from the list, too, but counts as moved only when deleted.
   */
  moveTasks(
    queue: string,
    from: TaskList,
    ids: readonly string[],
    to: MoveTarget,
    options?: MoveOptions,
  ): Promise<boolean[]>;
  /**
   * Changes the time at which a task of a list other than `active` runs: one in `retry` stays there, all others are
   * scheduled. `false` when it was not in the list.
   */
  reschedule(queue: string, from: TaskList, taskId: string, atMs: number): Promise<boolean>;
  /**
   * Replaces the payload of a scheduled task; its unique lock stays that of the old payload, as in asynq. Returns the
   * state of the task; unless that is `scheduled`, nothing was written. `undefined`: no such task, or its message
   * cannot be read and is left unchanged.
   */
  updatePayload(queue: string, taskId: string, payload: Uint8Array): Promise<TaskState | undefined>;
  /** Remaining lifetime of the task's unique lock, whole seconds; `undefined` when it holds none. */
  lockTtlS(queue: string, taskId: string): Promise<number | undefined>;
}
