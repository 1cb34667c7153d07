import type { Duration } from '../runtime/duration.js';
import type { BackoffOptions } from './backoff.js';

/** A lock that refuses a second equal task. */
export interface UniqueOptions {
  /**
   * Maximum lifetime of the lock; at least `'1s'`, rounded up to whole seconds. Counts from the start time of a delayed
   * task.
   */
  readonly ttl: Duration;
  /**
   * Tasks of one queue and type are equal when this key is. Default: the payload bytes, as in asynq. Go has no keys: to
   * exclude Go tasks, omit it, or set it to the exact text of Go's payload.
   */
  readonly key?: string | undefined;
}

/** Options of a task. All are optional. */
export interface TaskOptions {
  /** Default `'default'`. Not blank, no `{` or `}`. */
  readonly queue?: string | undefined;
  /** Default a random UUID v4. Not blank. Refused while the queue holds a task of this id in any state. */
  readonly taskId?: string | undefined;
  /** Maximum number of retries. Default 25. */
  readonly maxRetry?: number | undefined;
  /**
   * Delay before each retry of this task: a duration, or how it grows. It has precedence over `retryDelay` of handler and server.
   * Servers of ours follow it; a Go server that retries the task uses its own delay. Default: the server decides.
   */
  readonly backoff?: Duration | BackoffOptions | undefined;
  /**
   * Maximum duration of an attempt, at least `'1s'`, rounded up to whole seconds. Default `'30m'`, unless there is a
   * deadline.
   */
  readonly timeout?: Duration | undefined;
  /**
   * When every attempt must have ended, rounded up to a whole second. Default none. The earlier of timeout and deadline
   * applies.
   */
  readonly deadline?: Date | undefined;
  /** Refuses the task while an equal one holds the lock. A duration, or the options of the lock. Default off. */
  readonly unique?: Duration | UniqueOptions | undefined;
  /** Earliest start, to the millisecond. A past time means at once. Not together with `processIn`. */
  readonly processAt?: Date | undefined;
  /** Delay before the task may start. Default 0: at once. Not together with `processAt`. */
  readonly processIn?: Duration | undefined;
  /**
   * The group in which the task waits until an aggregator combines the tasks of the group into one; with a start time
   * the task joins the group then. Not blank. Default none. The tasks of a group that no server aggregates keep
   * waiting.
   */
  readonly group?: string | undefined;
  /**
   * In a partitioned queue: tasks with the same key go to the same partition and start in the order in which they were
   * enqueued, as in a queue without partitions. Not stored with the task. Not blank. Default: the `group`, otherwise
   * the lock of `unique`, otherwise `taskId` decides the partition; without any of these the partitions take turns. A
   * lock or an id that decides is unique in the whole queue, otherwise within its partition. No effect in a queue
   * without partitions.
   */
  readonly partitionKey?: string | undefined;
  /** How long the completed task and its result are kept, rounded up to whole seconds. Default 0: deleted on success. */
  readonly retention?: Duration | undefined;
  /** Metadata besides the payload, text to text. A Go worker before asynq 0.26 loses them when it retries the task. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}
