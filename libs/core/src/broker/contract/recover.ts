import type { Clock } from '../../runtime/clock.js';
import type { TaskMessage } from '../../wire/task-message.js';

export interface RecoverOptions {
  /** How long after its expiry a lease is recovered: allows for clock differences. */
  readonly graceMs: number;
  /** Maximum number of workers lost while the task was alone on them before it is archived as poison. */
  readonly maxCrashes: number;
  /** Maximum number of tasks per call. */
  readonly limit: number;
  /**
   * How long ago the caller was certainly awake, ms; default 0. A lease that ended since is not recovered: if the caller
   * was frozen in between, the lease's server may have been, too, and extends it first.
   */
  readonly sinceAwakeMs?: (() => number) | undefined;
}

/** The unix time, in ms, up to which a recovery knows which servers are lost. */
export function recoverUpToMs(clock: Clock, { sinceAwakeMs }: RecoverOptions): number {
  return clock.nowMs() - (sinceAwakeMs?.() ?? 0); // in this order: it may be frozen here, too
}

export interface RecoveredTask {
  readonly message: TaskMessage;
  /** Number of times its worker was lost, this one included. */
  readonly crashes: number;
  /** `retried` and `deleted` only by a cancel request; `archived` also as poison. */
  readonly outcome: 'requeued' | 'archived' | 'retried' | 'deleted';
}

export interface RecoverReply {
  readonly recovered: readonly RecoveredTask[];
  /** When the earliest remaining lease may be recovered; `undefined` when there is none. */
  readonly nextExpiryAtMs: number | undefined;
}

/** What a repair pass fixed, in tasks. */
interface RepairReport {
  /** Ids in `active` without a lease: given an expired one, so that they are recovered next. */
  readonly leasesAdded: number;
  /** Ids without a message: removed from every set. */
  readonly orphansRemoved: number;
}

/** Recovers tasks of lost servers, and repairs inconsistent data. */
export interface RecoverOps {
  /**
   * Returns tasks whose lease has expired to the head of their queue, `retried` unchanged and `crashes` counted. A task
   * is archived after more than `maxCrashes` when it was alone (`LeaseOps.noteAlone`), or 20 when it was not. They run in the order in which they were fetched, so of more than `limit` tasks
   * the last fetched are returned first. Works for tasks of Go servers, too. An attempt with a cancel request ends with
   * the requested outcome instead; see `WaitOps.requestCancel`.
   */
  recoverExpired(queue: string, options: RecoverOptions): Promise<RecoverReply>;
  /** Repairs inconsistencies between sets and hashes; checks up to `limit` ids of each set per call, in turn. */
  repair(queue: string, limit: number): Promise<RepairReport>;
}
