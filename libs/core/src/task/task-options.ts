import type { Duration } from '../runtime/duration.js';

/** A lock that refuses a second equal task. */
export interface UniqueOptions {
  /** How long the lock is held at most; at least `'1s'`, rounded up to whole seconds. For a delayed task it starts at its process time. */
  readonly ttl: Duration;
  /**
   * What makes two tasks of one queue and type equal. Default: the payload bytes, as in asynq. Go has no keys: beside tasks
   * of Go leave it out, or give the exact text that Go writes as its payload.
   */
  readonly key?: string | undefined;
}

/** Options of one enqueue. Every field may be left out. */
export interface TaskOptions {
  /** Default `'default'`. Not blank, no `{` or `}`. */
  readonly queue?: string | undefined;
  /** Default a random UUID v4. Not blank. A task of this id in any state refuses another one. */
  readonly taskId?: string | undefined;
  /** Most retries after a failure. Default 25. */
  readonly maxRetry?: number | undefined;
  /** Longest run of one attempt, at least `'1s'`, rounded up to whole seconds. Default `'30m'`, unless there is a deadline. */
  readonly timeout?: Duration | undefined;
  /** When every attempt must be over, rounded up to the whole second. Default none. The earlier of timeout and deadline applies. */
  readonly deadline?: Date | undefined;
  /** Refuse the task while an equal one holds the lock, for so long. Default off. */
  readonly unique?: Duration | UniqueOptions | undefined;
  /** Start not before this time, to the millisecond. A past time means at once. Not together with `processIn`. */
  readonly processAt?: Date | undefined;
  /** Start not before so much time has passed. Default 0: at once. Not together with `processAt`. */
  readonly processIn?: Duration | undefined;
  /**
   * Let the task wait in this group until an aggregator makes one task of all that wait there; with a start time it
   * joins the group then. Not blank. Default none. Nothing happens to a group that no server aggregates.
   */
  readonly group?: string | undefined;
  /** Keep the completed task and its result for so long, rounded up to whole seconds. Default 0: delete it on success. */
  readonly retention?: Duration | undefined;
  /** Metadata beside the payload, text to text. A Go worker before asynq 0.26 loses them when it retries the task. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}
