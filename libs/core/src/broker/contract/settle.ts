import type { CancelOutcome } from '../../wire/cancel-record.js';
import type { TaskMessage } from '../../wire/task-message.js';
import type { ProgressRecord } from '../../wire/task-progress.js';
import type { LeaseClaim } from './lease.js';

/** How an attempt ended. */
export type Outcome =
  /** Success: delete the task. */
  | { readonly kind: 'done' }
  /** Success of a task with retention: keep it in `completed` for `message.retentionS`. */
  | {
      readonly kind: 'complete';
      /** Absent: keep a result that was written before. */
      readonly result?: Uint8Array | undefined;
    }
  | {
      readonly kind: 'retry';
      /** Kept to the millisecond. */
      readonly retryAtMs: number;
      readonly error: string;
      /** Counts against `maxRetry` and in the failure counters. */
      readonly isFailure: boolean;
      /** Records since when no server has known the type; absent: clear it. */
      readonly unknownTypeSinceMs?: number | undefined;
    }
  | { readonly kind: 'archive'; readonly error: string }
  /** Unfinished at shutdown: return to the head of the queue; those of one call in the order of the call. */
  | { readonly kind: 'requeue' };

export interface Settlement {
  /** As fetched; the broker derives the message to store from it and the outcome. */
  readonly message: TaskMessage;
  readonly claim: LeaseClaim;
  readonly outcome: Outcome;
}

/**
 * `leaseLost`: the task is no longer ours, or is settled already; nothing was written for it. The outcome of a cancel request: the
 * task was to be requeued, and the request is for the attempt that this would end. Nothing was written either: it is still ours,
 * to be settled with that outcome.
 */
export type SettleReply = 'settled' | 'leaseLost' | CancelOutcome;

/** Ends attempts, and stores results and progress of running ones. */
export interface SettleOps {
  /**
   * Ends attempts of one queue; one reply per attempt, in the order given. Atomic per task, fenced by its lease, and
   * safe to repeat after a lost reply: the second call answers `leaseLost` and changes nothing. Done and complete
   * release the unique lock; retry, archive and requeue keep it, as in asynq. A task with a cancel request is not requeued.
   */
  settle(queue: string, settlements: readonly Settlement[]): Promise<SettleReply[]>;
  /**
   * As `settle` with the outcome `requeue` for each, for a caller that knows no more than the claims: at most
   * 1,000, all in one call.
   */
  requeue(queue: string, claims: readonly LeaseClaim[]): Promise<SettleReply[]>;
  /** Stores a result while the task is active and ours; `false` when it is not (nothing written). The last write wins. */
  writeResult(queue: string, claim: LeaseClaim, result: Uint8Array): Promise<boolean>;
  /**
   * Stores the progress of the attempt that began with the message, under the same conditions. It is shown while that
   * attempt runs and after it has succeeded, never for a later attempt.
   */
  writeProgress(message: TaskMessage, claim: LeaseClaim, progress: ProgressRecord): Promise<boolean>;
  /**
   * The backoff that a task was enqueued with, encoded; `undefined`: none. Read when an attempt has failed. Not a promise where
   * it takes no call.
   */
  readBackoff(queue: string, taskId: string): Promise<string | undefined> | string | undefined;
}
