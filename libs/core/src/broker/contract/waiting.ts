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
   * Stores a request to cancel the current attempt of a running task; `false` when the task is not active (nothing
   * written). Publishes the signal of `publishCancel`; `extendLeases` reports the request too. If the server dies,
   * `recoverExpired` ends the attempt with `outcome`. However the attempt ends, the request is dropped.
   */
  requestCancel(queue: string, taskId: string, outcome: CancelOutcome): Promise<boolean>;
  /** The outcome stored by {@link requestCancel}; `undefined` without a request. */
  requestedOutcome(queue: string, taskId: string): Promise<CancelOutcome | undefined>;
}
