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
      /** Absent: the one that was written before stays. */
      readonly result?: Uint8Array | undefined;
    }
  | {
      readonly kind: 'retry';
      /** Kept to the millisecond. */
      readonly retryAtMs: number;
      readonly error: string;
      /** Counts against `maxRetry` and in the failure counters. */
      readonly isFailure: boolean;
      /** Remembers since when no server knew the type; absent: forget it. */
      readonly unknownTypeSinceMs?: number | undefined;
    }
  | { readonly kind: 'archive'; readonly error: string }
  /** Unfinished at shutdown: back to the head of the queue; those of one call in the order of the call. */
  | { readonly kind: 'requeue' };

export interface Settlement {
  /** As fetched; the broker derives the message to store from it and the outcome. */
  readonly message: TaskMessage;
  readonly claim: LeaseClaim;
  readonly outcome: Outcome;
}

/** `leaseLost`: the task was not ours any more, or is settled already; nothing was written for it. */
export type SettleReply = 'settled' | 'leaseLost';

/** Ends attempts, and keeps what a running one has to say. */
export interface SettleOps {
  /**
   * Ends attempts of one queue; one reply each, in the order given. Atomic per task, fenced by its lease, and safe to
   * repeat after a lost reply: the second call answers `leaseLost` and changes nothing.
   * Done and complete release the unique lock; retry, archive and requeue keep it, as in asynq.
   */
  settle(queue: string, settlements: readonly Settlement[]): Promise<SettleReply[]>;
  /** Stores a result while the task is active and ours; `false` when it is not (nothing written). The last write wins. */
  writeResult(queue: string, claim: LeaseClaim, result: Uint8Array): Promise<boolean>;
  /**
   * Keeps how far the attempt that began with the message has come, in the same way. It is shown while that runs and when
   * it has succeeded, never of a later attempt.
   */
  writeProgress(message: TaskMessage, claim: LeaseClaim, progress: ProgressRecord): Promise<boolean>;
}
