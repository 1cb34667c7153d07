import type { Duration } from '../runtime/duration.js';
import type { TaskState } from '../wire/task-state.js';

/** Options of a wait for a task. */
export interface WaitOptions {
  /** Maximum wait, at most 24 days. Default: until the task has ended. */
  readonly timeout?: Duration | undefined;
  /** Ends the wait with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** How a task ended. */
export type TaskEnd =
  /** `result` is still encoded; `undefined` when the handler stored none. */
  | {
      readonly state: 'completed';
      readonly result: Uint8Array | undefined;
      /** The result, decoded when it is read; `undefined` when its bytes do not decode. Not shown by logs and JSON. */
      readonly resultValue?: unknown;
    }
  | { readonly state: 'archived'; readonly lastError: string }
  /** It succeeded without retention, or its handler revoked it. */
  | { readonly state: 'deleted' };

/** A handle to wait for a task. */
export interface TaskHandle {
  readonly id: string;
  readonly queue: string;
  /** Of a partitioned queue: the ordinary queue that held the task when it was written. */
  readonly partition?: string | undefined;
  /** The current state; `undefined` when the queue no longer holds the task. */
  state(): Promise<TaskState | undefined>;
  /**
   * Waits until the task has ended permanently: completed, archived, or deleted. A task that is retried has not ended.
   * Our servers and inspectors notify of the end at once; an end in Go is found by polling, after 0.4 s at most at
   * first, and every 5 s at most later. A temporary loss of Redis does not end the wait.
   *
   * @throws {WaitTimeoutError} after `timeout`
   * @throws {TaskNotFoundError} the task no longer exists and its outcome is unknown: it ended before the wait began,
   * or a Go server or inspector deleted it. With a `retention` the outcome is always known.
   * @throws {ClosedError} the client was closed during the wait
   * @throws the reason of `signal`
   */
  wait(options?: WaitOptions): Promise<TaskEnd>;
  /**
   * Waits until the task has succeeded, and decodes its result; `undefined` for a task without `retention` or without a
   * stored result. Bytes that are no JSON, such as an image that a handler has returned, are returned unchanged. The type is not
   * checked.
   *
   * @throws {TaskFailedError} the task was archived
   * @throws {MessageDecodeError} a codec of your own cannot decode the result
   * @throws the errors of `wait`
   */
  result<Result = unknown>(options?: WaitOptions): Promise<Result>;
}

/** A task that the queue has accepted. */
export interface EnqueuedTask extends TaskHandle {
  readonly type: string;
  readonly initialState: 'pending' | 'scheduled' | 'aggregating';
  /** When it may start; for a task in a group, when it joins the group. */
  readonly nextProcessAt: Date;
}
