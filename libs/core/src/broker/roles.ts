import type { Clock } from '../runtime/clock.js';
import type { ServerInfo, WorkerInfo } from '../wire/server-info.js';
import type { TaskMessage } from '../wire/task-message.js';
import type { GroupOps, GroupRepairOps } from './group-roles.js';
import type { FleetOps, InspectOps, ListOps, MoveOps, RemovalOps } from './inspect-roles.js';
import type { NewTask } from './new-task.js';
import type { PlanOps, ScheduleOps } from './schedule-roles.js';
import type { ProgressRecord } from '../wire/task-progress.js';
import type { CancelOutcome, WaitOps, WishOps } from './wait-roles.js';

/**
 * What a broker promises, cut into roles of a few methods. A part of the server takes only the role it uses.
 * `broker/redis` and `broker/memory` implement all of them; `test/contract` holds both to the same promises.
 *
 * Batches are the primitive: every hot method takes many tasks and answers for each. Times are unix milliseconds of
 * the broker's clock. A method that reaches Redis may throw `RedisCommandError`; its `isTransient` says whether the
 * same call may succeed later.
 */
export interface Broker
  extends
    EnqueueOps,
    LeaseOps,
    SettleOps,
    ForwardOps,
    GroupOps,
    GroupRepairOps,
    RecoverOps,
    RetentionOps,
    PauseOps,
    CancelOps,
    ResultOps,
    WaitOps,
    WishOps,
    PresenceOps,
    DutyOps,
    WakeOps,
    InspectOps,
    ListOps,
    MoveOps,
    RemovalOps,
    FleetOps,
    ScheduleOps,
    PlanOps,
    HealthOps {
  /** What it is, for logs: `'redis'`, `'redis cluster'`, `'memory'`. */
  readonly kind: string;
  /** What its times are told by; its clients and servers go by the same. */
  readonly clock: Clock;
  /** Resolves when the broker's clock can be relied on; `undefined` when it can now. Never rejects. */
  syncClock(): Promise<void> | undefined;
  /** Closes every connection it opened. A connection that the user handed in stays open. Idempotent. */
  close(): Promise<void>;
}

// ---- enqueue ----------------------------------------------------------------------------------------------------

export type { NewTask };

/**
 * About how many bytes of tasks one reply holds at most, beyond its first task: a reply must be over soon, also on a slow
 * link. What reads tasks reads on, or says where to.
 */
export const MOST_READ_BYTES = 1_048_576;

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

export interface EnqueueOps {
  /**
   * Writes tasks of any number of queues and announces the queues; one outcome each, in the order given.
   * Atomic per task; tasks of one queue and kind share a script call. Of two tasks with one id the first wins.
   * A lost reply is asked for again: a task that turns out to be ours already is reported as written.
   */
  enqueue(tasks: readonly NewTask[]): Promise<EnqueueOutcome[]>;
}

// ---- lease ------------------------------------------------------------------------------------------------------

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
  /** Tasks of ours that somebody wants to be canceled. */
  readonly wishes: readonly { readonly id: string; readonly wish: CancelOutcome }[];
}

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

// ---- settle -----------------------------------------------------------------------------------------------------

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

export interface SettleOps {
  /**
   * Ends attempts of one queue; one reply each, in the order given. Atomic per task, fenced by its lease, and safe to
   * repeat after a lost reply: the second call answers `leaseLost` and changes nothing.
   * Done and complete release the unique lock; retry, archive and requeue keep it, as in asynq.
   */
  settle(queue: string, settlements: readonly Settlement[]): Promise<SettleReply[]>;
}

// ---- forward ----------------------------------------------------------------------------------------------------

export interface ForwardReply {
  readonly moved: number;
  /** When the next task of the queue is due, never later than that; `undefined` when none waits. */
  readonly nextDueAtMs: number | undefined;
}

export interface ForwardOps {
  /**
   * Moves up to `limit` due tasks of `scheduled` and of `retry` to `pending` (to their group when the hash names one).
   * Exact to the millisecond for tasks that carry `due_at_ms`, to the second for those of Go; never early.
   */
  forwardDue(queue: string, limit: number): Promise<ForwardReply>;

  /**
   * Calls back when a task was scheduled ahead of all others, or the queue was unpaused. A hint only: it may be lost,
   * and Go peers do not send it. Resolves to a function that ends the subscription.
   */
  onNudge(queue: string, listener: () => void): Promise<() => Promise<void>>;
}

// ---- recover ----------------------------------------------------------------------------------------------------

export interface RecoverOptions {
  /** How long after its end a lease is taken for dead: room for clocks that differ. */
  readonly graceMs: number;
  /** Crashes that a task may cause before it is archived as poison. */
  readonly maxCrashes: number;
  /** Most tasks in one round. */
  readonly limit: number;
}

export interface RecoveredTask {
  readonly message: TaskMessage;
  /** Times its worker vanished, this one included. */
  readonly crashes: number;
  /** `retried` and `deleted` only as somebody wished; `archived` perhaps. */
  readonly outcome: 'requeued' | 'archived' | 'retried' | 'deleted';
}

export interface RecoverReply {
  readonly recovered: readonly RecoveredTask[];
  /** When the earliest remaining lease may be recovered; `undefined` when none is out. */
  readonly nextExpiryAtMs: number | undefined;
}

/** What a repair pass healed, in tasks. */
export interface RepairReport {
  /** Ids in `active` without a lease: given an expired one, so that they are recovered next. */
  readonly leasesAdded: number;
  /** Ids without a message: removed from every set. */
  readonly orphansRemoved: number;
}

export interface RecoverOps {
  /**
   * Gives tasks whose lease ended back to the head of their queue, `retried` unchanged and `crashes` counted; after
   * `maxCrashes` the task is archived. They run in the order in which they were fetched; so of more than `limit` the
   * latest are given back first. Works for tasks of Go servers too. An attempt that somebody wished to cancel ends
   * as wished instead; see `WishOps`.
   */
  recoverExpired(queue: string, options: RecoverOptions): Promise<RecoverReply>;

  /** Heals sets and hashes that disagree, looking at up to `limit` ids of each set per call, in turn. */
  repair(queue: string, limit: number): Promise<RepairReport>;
}

// ---- retention --------------------------------------------------------------------------------------------------

export interface ArchiveLimits {
  readonly maxAgeMs: number;
  readonly maxSize: number;
}

export interface RetentionOps {
  /** Deletes up to `limit` completed tasks whose retention ended; returns how many. */
  deleteExpiredCompleted(queue: string, limit: number): Promise<number>;
  /** Deletes up to `limit` archived tasks beyond the limits, oldest first, with their locks; returns how many. */
  trimArchived(queue: string, limits: ArchiveLimits, limit: number): Promise<number>;
}

// ---- queue control, cancellation, results -------------------------------------------------------------------------

export interface PauseOps {
  /** Stops fetching from the queue, for every server; `false` when it was paused already. */
  pause(queue: string): Promise<boolean>;
  /** Lets servers fetch again and wakes ours; `false` when it was not paused. */
  unpause(queue: string): Promise<boolean>;
}

export interface CancelOps {
  /** Asks every server, Go's included, to cancel the running task with this id. A signal: nobody may hear it. */
  publishCancel(taskId: string): Promise<void>;
  /** Resolves to a function that ends the subscription. */
  onCancel(listener: (taskId: string) => void): Promise<() => Promise<void>>;
}

export interface ResultOps {
  /** Stores a result while the task is active and ours; `false` when it is not (nothing written). The last write wins. */
  writeResult(queue: string, claim: LeaseClaim, result: Uint8Array): Promise<boolean>;
  /**
   * Keeps how far the attempt that began with the message has come, in the same way. It is shown while that runs and when
   * it has succeeded, never of a later attempt.
   */
  writeProgress(message: TaskMessage, claim: LeaseClaim, progress: ProgressRecord): Promise<boolean>;
}

// ---- presence, duties, wake-up ------------------------------------------------------------------------------------

export interface PresenceOps {
  /** Shows the server and its running tasks to inspectors for `ttlS` seconds. */
  writePresence(server: ServerInfo, workers: readonly WorkerInfo[], ttlS: number): Promise<void>;
  clearPresence(server: Pick<ServerInfo, 'host' | 'pid' | 'serverId'>): Promise<void>;
}

/** `leader` forwards, recovers, trims and watches for work; `standby` watches beside it, a moment slower. */
export type Duty = 'leader' | 'standby';

export interface DutyOps {
  /** Takes the duty if nobody holds it; `true` when this call took it. Correctness never rests on the answer. */
  takeDuty(queue: string, duty: Duty, serverId: string, leaseMs: number): Promise<boolean>;
  /** Prolongs the duty; `false` when it was lost. */
  keepDuty(queue: string, duty: Duty, serverId: string, leaseMs: number): Promise<boolean>;
  /** Gives the duty up if `serverId` holds it. */
  dropDuty(queue: string, duty: Duty, serverId: string): Promise<void>;
}

/** Waits for work of one queue on a connection of its own. One wait at a time. */
export interface QueueWatch {
  /** Blocks until the queue has a pending task, changing nothing; `false` after `timeoutMs`. */
  peek(timeoutMs: number): Promise<boolean>;
  /** Blocks until a wake token is there and takes it; `false` after `timeoutMs`. */
  awaitToken(timeoutMs: number): Promise<boolean>;
  /** Ends a wait under way (it answers `false`) and the connection. */
  close(): Promise<void>;
}

/** Most wake tokens that lie ready at one time: a woken server that still sees tasks left wakes more. */
export const MOST_WAKE_TOKENS = 64;
/** Tokens that nobody took: there is no idle server. Soon they would only wake servers for nothing. */
export const WAKE_TOKENS_LIFE_MS = 2_000;

export interface WakeOps {
  /** `undefined` when this broker cannot block (Redis before 6.2): poll instead. */
  openWatch(queue: string): Promise<QueueWatch | undefined>;
  /** Sees to it that `count` wake tokens lie ready for idle servers, {@link MOST_WAKE_TOKENS} at most. */
  wakeIdle(queue: string, count: number): Promise<void>;
  /** Pending tasks right now, 0 while the queue is paused: what a poll asks. */
  waitingCount(queue: string): Promise<number>;
}

// ---- health -----------------------------------------------------------------------------------------------------

/** What the server learns once, at start, to warn about. */
export interface BrokerFacts {
  /** For example `'7.0.15'`. */
  readonly version: string;
  /** Redis' `maxmemory-policy`; anything but `noeviction` loses tasks. `undefined` when it may not be read. */
  readonly evictionPolicy: string | undefined;
  /** Redis' clock less that of this machine, as far as that is certain. */
  readonly clockSkewMs: number;
}

export interface HealthOps {
  ping(): Promise<void>;
  facts(): Promise<BrokerFacts>;
  /** What Redis tells about itself, a cluster about the cluster, by Redis' own names; nothing in memory. */
  storeInfo(): Promise<Readonly<Record<string, string>>>;
}
