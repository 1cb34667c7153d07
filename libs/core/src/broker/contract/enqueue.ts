import type { TaskMessage } from '../../wire/task-message.js';

/** Tasks of one queue that are worth a call of their own: the store writes them while the next ones are composed. */
export const ENOUGH_FOR_A_CALL = 100;

/** A task to write, under `message.queue` and `message.id`. With a `message.groupKey` it waits in that group. */
export interface NewTask {
  readonly message: TaskMessage;
  /** Start time, to the millisecond; absent or past: at once. */
  readonly processAtMs?: number | undefined;
  /** Lifetime of the lock `message.uniqueKey`, in whole seconds from now; absent: no lock. */
  readonly uniqueTtlS?: number | undefined;
  /** A `BackoffRecord`, encoded; absent: servers decide about the delay before a retry. */
  readonly backoff?: string | undefined;
}

export type EnqueueOutcome =
  | { readonly status: 'pending' }
  | { readonly status: 'scheduled' }
  /** It waits in its group. A scheduled task joins its group when it is due. */
  | { readonly status: 'aggregating' }
  /** The id exists in the queue. Nothing was written. */
  | { readonly status: 'idConflict' }
  /** Another task holds the lock. Nothing was written. */
  | { readonly status: 'duplicate'; readonly holderId: string | undefined }
  /** The write of this task's queue failed; tasks of other queues in the same call have outcomes of their own. */
  | { readonly status: 'failed'; readonly error: Error };

/** Writes tasks. */
export interface EnqueueOps {
  /**
   * Writes tasks of any number of queues and announces the queues; one outcome per task, in the order given. Atomic per
   * task; tasks of one queue and kind share a script call. Of two tasks with one id the first wins. The call is
   * repeated after a lost reply: a task that an earlier attempt wrote is reported as written, and not written again,
   * even if it was handled and deleted in between.
   * @param timeoutMs how long to go on after temporary failures; then the outcome is `failed`. Default: four attempts
   */
  enqueue(tasks: readonly NewTask[], timeoutMs?: number): Promise<EnqueueOutcome[]>;
  /**
   * Announces queues that tasks may be put into, as {@link enqueue} does. If their names cannot be written it resolves
   * soon, and tries again in the background. Never rejects.
   */
  announceQueues(queues: readonly string[]): Promise<void>;
}
