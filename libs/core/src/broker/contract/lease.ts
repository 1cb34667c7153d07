import type { TaskMessage } from '../../wire/task-message.js';
import type { CancelOutcome } from '../../wire/cancel-record.js';

/** A task that this server may work on until its lease ends. */
export interface LeasedTask {
  readonly message: TaskMessage;
  /** The score written to `lease`, unix s: proof of ownership for {@link LeaseClaim}. */
  readonly leaseExpiresAtS: number;
  /** Since when no server has known the task's type; absent when one has. See `SettleOps`. */
  readonly unknownTypeSinceMs?: number | undefined;
  /** Workers lost with the task since it last ended an attempt; absent when there was none. */
  readonly crashes?: number | undefined;
  /** Since when it was pending, unix ms; absent when the fetch did not ask for it, or nobody recorded it. */
  readonly pendingSinceMs?: number | undefined;
}

export interface FetchReply {
  readonly tasks: readonly LeasedTask[];
  readonly isPaused: boolean;
  /**
   * Tasks still pending after this fetch, whatever ended it: its limit, {@link MOST_PER_FETCH} or
   * {@link MOST_FETCHED_BYTES}; without those that were passed over. 0 also when the queue is paused.
   */
  readonly remaining: number;
  /** How many tasks were passed over; absent when none was. */
  readonly passedOver?: number | undefined;
  /** Ids without a message, which were dropped; absent when there was none. */
  readonly orphans?: readonly string[] | undefined;
}

/** Maximum number of tasks in one fetch, whatever its limit. */
export const MOST_PER_FETCH = 1_000;
/** Maximum number of tasks that one fetch passes over. */
export const MOST_PASSED_OVER = 1_000;
/** A fetch ends before the task whose message would exceed this, unless that is its first: replies must stay short. */
export const MOST_FETCHED_BYTES = 1_048_576;

/**
 * Ownership: the task's lease score must be one of `expiriesS`, the values that this server may have written last (two
 * during an extension). Another server's lease always has another score, since it starts after ours ended.
 */
export interface LeaseClaim {
  readonly id: string;
  readonly expiriesS: readonly number[];
}

export interface ExtendReply {
  /** Ids that are no longer ours; untouched. */
  readonly lost: readonly string[];
  /** Cancel requests for tasks of ours. */
  readonly cancelRequests: readonly { readonly id: string; readonly outcome: CancelOutcome }[];
}

/** Leases tasks and extends the leases. */
export interface LeaseOps {
  /**
   * Moves up to `limit` tasks from `pending` to `active`, oldest first, each with a lease of `leaseMs`. Returns fewer
   * when the queue has no more, or at {@link MOST_PER_FETCH} or {@link MOST_FETCHED_BYTES}; see `remaining`. Ids
   * without a message are dropped from every set; messages that do not decode, or carry another id or queue, are
   * quarantined in `archived`. Neither is returned. A paused queue returns nothing. If the reply is lost the tasks
   * go back to the head of the queue at the next fetch from it by this broker, or are recovered when their leases end.
   * @param passOver ids of tasks to leave in their places, {@link MOST_PASSED_OVER} at most: no other program finds them missing
   * @param withSince whether {@link LeasedTask.pendingSinceMs} is wanted
   */
  fetch(
    queue: string,
    limit: number,
    leaseMs: number,
    passOver?: readonly string[],
    withSince?: boolean,
  ): Promise<FetchReply>;
  /** Sets the leases of the claimed tasks to `expiresAtS`. */
  extendLeases(queue: string, claims: readonly LeaseClaim[], expiresAtS: number): Promise<ExtendReply>;
  /**
   * Records that a server has no task in hand but this one, or no longer: a crash is held against a task only while it is
   * alone. `false` when the task is not active or not ours (nothing written). Ends with the attempt.
   */
  noteAlone(message: TaskMessage, claim: LeaseClaim, isAlone: boolean): Promise<boolean>;
}
