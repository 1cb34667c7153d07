import type { TaskMessage } from '../../wire/task-message.js';

/** A task to be written. `message.queue` and `message.id` say where; one with a `message.groupKey` waits in that group. */
export interface NewTask {
  readonly message: TaskMessage;
  /** When to start it; absent or not after now: at once. Kept to the millisecond. */
  readonly processAtMs?: number | undefined;
  /** How long to hold the lock `message.uniqueKey`, whole seconds from now; absent: take no lock. */
  readonly uniqueTtlS?: number | undefined;
}

export type EnqueueOutcome =
  | { readonly status: 'pending' }
  | { readonly status: 'scheduled' }
  /** It waits in its group. A scheduled task joins its group when its time has come. */
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
   * Writes tasks of any number of queues and announces the queues; one outcome each, in the order given.
   * Atomic per task; tasks of one queue and kind share a script call. Of two tasks with one id the first wins.
   * A lost reply is asked for again: a task that turns out to be ours already is reported as written.
   */
  enqueue(tasks: readonly NewTask[]): Promise<EnqueueOutcome[]>;
}
