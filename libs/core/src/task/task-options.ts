import type { Duration } from '../runtime/duration.js';

/** A lock that refuses a second equal task. */
export interface UniqueOptions {
  /** Longest time that the lock is held; at least `'1s'`, rounded up to whole seconds. Counts from the start time of a delayed task. */
  readonly ttl: Duration;
  /**
   * What makes two tasks of one queue and type equal. Default: the payload bytes, as in asynq. Go has no keys: beside tasks
   * of Go leave it out, or give the exact text that Go writes as its payload.
   */
  readonly key?: string | undefined;
}

/** Options of one enqueue. All are optional. */
export interface TaskOptions {
  /** Default `'default'`. Not blank, no `{` or `}`. */
  readonly queue?: string | undefined;
  /** Default a random UUID v4. Not blank. Refused while the queue holds a task of this id in any state. */
  readonly taskId?: string | undefined;
  /** Most retries after a failure. Default 25. */
  readonly maxRetry?: number | undefined;
  /** Longest run of one attempt, at least `'1s'`, rounded up to whole seconds. Default `'30m'`, unless there is a deadline. */
  readonly timeout?: Duration | undefined;
  /** When every attempt must have ended, rounded up to the whole second. Default none. The earlier of timeout and deadline applies. */
  readonly deadline?: Date | undefined;
  /** Refuses the task while an equal one holds the lock. A duration, or the options of the lock. Default off. */
  readonly unique?: Duration | UniqueOptions | undefined;
  /** Earliest start, to the millisecond. A past time means at once. Not together with `processIn`. */
  readonly processAt?: Date | undefined;
  /** Delay before the task may start. Default 0: at once. Not together with `processAt`. */
  readonly processIn?: Duration | undefined;
  /**
   * The group in which the task waits until an aggregator makes one task of all its tasks; with a start time the task
   * joins the group then. Not blank. Default none. A group that no server aggregates is left as it is.
   */
  readonly group?: string | undefined;
  /** How long the completed task and its result are kept, rounded up to whole seconds. Default 0: deleted on success. */
  readonly retention?: Duration | undefined;
  /** Metadata beside the payload, text to text. A Go worker before asynq 0.26 loses them when it retries the task. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}
