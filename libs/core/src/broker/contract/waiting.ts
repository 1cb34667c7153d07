import type { CancelOutcome } from '../../wire/cancel-record.js';
import type { TaskState } from '../../wire/task-state.js';

/** For how long one call of `WaitOps.awaitTask` asks. */
export const AWAITED_LIFE_MS = 30_000;

/**
 * How a task ended: `deleted` after success without retention, or by `RevokeTask`; `removed` from its queue by an
 * inspector, or because it was made into another with the rest of its group.
 */
export type TaskEnding = 'deleted' | 'completed' | 'archived' | 'removed';

/** Waiting for the end of a task, and asking for it. */
export interface WaitOps {
  /**
   * Asks for news of a task for {@link AWAITED_LIFE_MS} from now: if an attempt, an inspector or an aggregation of ours
   * ends the task, `onTaskEnded` is told. Returns the state that the task is in right after. `deleted`: there is no such
   * task any more, and that is how it ended while somebody asked; `undefined`: there is none, and nobody knows why.
   */
  awaitTask(queue: string, taskId: string): Promise<TaskState | 'deleted' | undefined>;
  /**
   * Calls back when a task of the queue ends that somebody asked for. A hint only: it may be lost, Go servers do not
   * send it, nor do Go's inspectors. Resolves to a function that ends the subscription.
   */
  onTaskEnded(queue: string, listener: (taskId: string, ending: TaskEnding) => void): Promise<() => Promise<void>>;
  /** Asks every server, Go's included, to cancel the running task with this id. A signal: nobody may hear it. */
  publishCancel(taskId: string): Promise<void>;
  /** Resolves to a function that ends the subscription. */
  onCancel(listener: (taskId: string) => void): Promise<() => Promise<void>>;
  /**
   * Writes down that a running task shall be canceled, and what then; `false` when it is not active (nothing written).
   * Tells every server as `publishCancel` does, and `extendLeases` reports it. It concerns the attempt that runs now:
   * if its server dies, `recoverExpired` ends it as wished; it is gone when the attempt has ended otherwise.
   */
  wishCancel(queue: string, taskId: string, wish: CancelOutcome): Promise<boolean>;
  /** What {@link wishCancel} wrote; `undefined` when nothing. */
  cancelWish(queue: string, taskId: string): Promise<CancelOutcome | undefined>;
}
