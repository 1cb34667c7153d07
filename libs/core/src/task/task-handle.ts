import type { Duration } from '../runtime/duration.js';
import type { TaskState } from '../wire/task-state.js';

/** How long to wait for a task. */
export interface WaitOptions {
  /** Longest wait, at most 24 days. Default: until the task has ended. */
  readonly timeout?: Duration | undefined;
  /** Ends the wait with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** How a task ended. */
export type TaskEnd =
  /** `result` as on the wire; `undefined` when the handler stored none. */
  | { readonly state: 'completed'; readonly result: Uint8Array | undefined }
  | { readonly state: 'archived'; readonly lastError: string }
  /** It succeeded without retention, or its handler revoked it. */
  | { readonly state: 'deleted' };

/** A task somewhere in a queue, to wait for. */
export interface TaskHandle {
  readonly id: string;
  readonly queue: string;
  /** The current state; `undefined` when the queue no longer holds the task. */
  state(): Promise<TaskState | undefined>;
  /**
   * Waits until the task has ended for good: completed, archived, or deleted. Retries count as not ended. Our servers
   * and inspectors announce the end at once; an end in Go is found by polling, after 0.2 s at first and every 5 s later. A
   * temporary loss of Redis does not end the wait.
   *
   * @throws {WaitTimeoutError} after `timeout`
   * @throws {TaskNotFoundError} the task is gone and its outcome unknown: it ended before the wait began, or a Go server
   * or inspector deleted it. Give the task a `retention` to be sure of its end.
   * @throws {ClosedError} the client was closed meanwhile
   * @throws the reason of `signal`
   */
  wait(options?: WaitOptions): Promise<TaskEnd>;
  /**
   * Waits until the task has succeeded, and decodes its result; `undefined` for a task without `retention` or without a
   * stored result. The type is not checked.
   *
   * @throws {TaskFailedError} the task was archived
   * @throws what `wait` throws, and what the codec throws for a result that is not its own
   */
  result<Result = unknown>(options?: WaitOptions): Promise<Result>;
}

/** A task that the queue has accepted. */
export interface EnqueuedTask extends TaskHandle {
  readonly type: string;
  readonly initialState: 'pending' | 'scheduled' | 'aggregating';
  /** When it may start: now for a pending task, and for one in a group the time from which it waits there. */
  readonly nextProcessAt: Date;
}
