import type { TaskMessage } from '../../wire/task-message.js';
import type { CancelOutcome } from '../../wire/cancel-record.js';

/** A task that this server may work on until its lease ends. */
export interface LeasedTask {
  readonly message: TaskMessage;
  /** The score written to `lease`, unix s: proof of ownership for {@link LeaseClaim}. */
  readonly leaseExpiresAtS: number;
  /** Since when no server knew the task's type; absent when one did. See `SettleOps`. */
  readonly unknownTypeSinceMs?: number | undefined;
}

export interface FetchReply {
  readonly tasks: readonly LeasedTask[];
  readonly isPaused: boolean;
  /**
   * Tasks still pending after this fetch, whatever ended it: its limit, {@link MOST_PER_FETCH} or
   * {@link MOST_FETCHED_BYTES}. 0 also when the queue is paused.
   */
  readonly remaining: number;
}

/** Most tasks of one fetch, whatever its limit. */
export const MOST_PER_FETCH = 1_000;
/** A fetch ends before the task whose message would exceed them, unless that is its first: a reply must be over soon. */
export const MOST_FETCHED_BYTES = 1_048_576;

/**
 * Ownership: the task's lease score must be one of `expiriesS`, the values this server may have written last (two
 * while an extension is under way). Another server's lease always has another score, since it starts after ours ended.
 */
export interface LeaseClaim {
  readonly id: string;
  readonly expiriesS: readonly number[];
}

export interface ExtendReply {
  /** Ids that were not ours any more; untouched. */
  readonly lost: readonly string[];
  /** Cancel requests for tasks of ours. */
  readonly cancelRequests: readonly { readonly id: string; readonly outcome: CancelOutcome }[];
}

/** Takes tasks to work on, and keeps them. */
export interface LeaseOps {
  /**
   * Moves up to `limit` tasks from `pending` to `active`, oldest first, each with a lease of `leaseMs`. Fewer come when
   * the queue has no more, or at {@link MOST_PER_FETCH} or {@link MOST_FETCHED_BYTES}; `remaining` tells.
   * Ids without a message are dropped from every set; messages that do not decode, or carry another id or queue, are
   * quarantined in `archived`. Neither is returned. A paused queue gives nothing.
   * If the reply is lost the tasks stay active until their leases end and are recovered.
   */
  fetch(queue: string, limit: number, leaseMs: number): Promise<FetchReply>;
  /** Sets the leases of the claimed tasks to `expiresAtS`. */
  extendLeases(queue: string, claims: readonly LeaseClaim[], expiresAtS: number): Promise<ExtendReply>;
}
