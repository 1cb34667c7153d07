import type { CancelOutcome } from '../../wire/cancel-record.js';
import type { TaskState } from '../../wire/task-state.js';

/** How long one call of `WaitOps.awaitTask` requests notifications. */
export const AWAITED_LIFE_MS = 30_000;

/**
 * How a task ended: `deleted` after success without retention, or by `RevokeTask`; `removed` from its queue by an
 * inspector, or because its group was aggregated.
 */
export type TaskEnding = 'deleted' | 'completed' | 'archived' | 'removed';

/** Waits for the end of a task, and cancels tasks. */
export interface WaitOps {
  /**
   * Requests notification of a task's end for {@link AWAITED_LIFE_MS} from now: if an attempt, an inspector or an
   * aggregation of ours ends the task, `onTaskEnded` is called. Returns the state of the task right after the request.
   * `deleted`: the task succeeded and was deleted during an earlier request; `undefined`: there is no such task, for an
   * unknown reason.
   */
  awaitTask(queue: string, taskId: string): Promise<TaskState | 'deleted' | undefined>;
  /**
   * Calls back when an awaited task of the queue ends. A hint only: it may be lost, and Go's servers and inspectors do
   * not send it. Resolves to a function that ends the subscription.
   */
  onTaskEnded(queue: string, listener: (taskId: string, ending: TaskEnding) => void): Promise<() => Promise<void>>;
  /** Signals every server, Go's included, to cancel the running task with this id. The signal may be lost. */
  publishCancel(taskId: string): Promise<void>;
  /** Resolves to a function that ends the subscription. */
  onCancel(listener: (taskId: string) => void): Promise<() => Promise<void>>;
  /**
   * Stores a request to cancel the current attempt of a running task; `false` when the task is not active (nothing
   * written). Publishes the signal of `publishCancel`; `extendLeases` reports the request, too. If the server dies,
   * `recoverExpired` ends the attempt with `outcome`. A task with a request is not requeued, see `SettleReply`. However the
   * attempt ends, the request is dropped.
   */
  requestCancel(queue: string, taskId: string, outcome: CancelOutcome): Promise<boolean>;
  /** The outcome stored by {@link requestCancel}; `undefined` without a request. */
  requestedOutcome(queue: string, taskId: string): Promise<CancelOutcome | undefined>;
}
