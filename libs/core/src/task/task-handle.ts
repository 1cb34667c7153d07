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
  /** `result` as it lies on the wire; `undefined` when its handler stored none. */
  | { readonly state: 'completed'; readonly result: Uint8Array | undefined }
  | { readonly state: 'archived'; readonly lastError: string }
  /** It succeeded without retention, or its handler revoked it. */
  | { readonly state: 'deleted' };

/** A task somewhere in a queue, to wait for. */
export interface TaskHandle {
  readonly id: string;
  readonly queue: string;
  /** The state it is in now; `undefined` when the queue does not hold it any more. */
  state(): Promise<TaskState | undefined>;
  /**
   * Waits until the task has ended for good: completed, archived, or deleted. Retries are waited for. Our servers and
   * inspectors tell at once; a task that Go ends is looked at again and again, after 0.2 s at first and every 5 s at last.
   * Redis being away for a while does not end the wait.
   *
   * @throws {WaitTimeoutError} after `timeout`
   * @throws {TaskNotFoundError} the task is gone and nobody saw how: it ended before the wait began, or a Go server or
   * an inspector deleted it. Give the task a `retention` to be sure of its end.
   * @throws {ClosedError} the client was closed meanwhile
   * @throws the reason of `signal`
   */
  wait(options?: WaitOptions): Promise<TaskEnd>;
  /**
   * Waits until the task has succeeded, and reads its result through the codec; `undefined` for a task without
   * `retention` or whose handler stored nothing. The type is the caller's claim.
   *
   * @throws {TaskFailedError} the task was archived
   * @throws what `wait` throws, and what the codec throws for a result that is not its own
   */
  result<Result = unknown>(options?: WaitOptions): Promise<Result>;
}

/** A task as it was accepted. */
export interface EnqueuedTask extends TaskHandle {
  readonly type: string;
  readonly initialState: 'pending' | 'scheduled' | 'aggregating';
  /** When it may start: now for a pending task, and for one in a group the time from which it waits there. */
  readonly nextProcessAt: Date;
}
