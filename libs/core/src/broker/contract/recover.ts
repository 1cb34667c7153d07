import type { TaskMessage } from '../../wire/task-message.js';

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
  /** `retried` and `deleted` only by a cancel request; `archived` also as poison. */
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

/** Gives back what dead servers left, and heals. */
export interface RecoverOps {
  /**
   * Gives tasks whose lease ended back to the head of their queue, `retried` unchanged and `crashes` counted; after
   * `maxCrashes` the task is archived. They run in the order in which they were fetched; so of more than `limit` the
   * latest are given back first. Works for tasks of Go servers too. An attempt with a cancel request ends with the
   * requested outcome instead; see `WaitOps.requestCancel`.
   */
  recoverExpired(queue: string, options: RecoverOptions): Promise<RecoverReply>;
  /** Heals sets and hashes that disagree, looking at up to `limit` ids of each set per call, in turn. */
  repair(queue: string, limit: number): Promise<RepairReport>;
}
