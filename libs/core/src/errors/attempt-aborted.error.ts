import { QueueError } from './queue-error.js';

/** The attempt ran past its timeout or deadline. Ends up in the task's last error, in asynq's words. */
export class TaskTimeoutError extends QueueError {
  readonly code = 'TASK_TIMEOUT';

  constructor(readonly taskId: string) {
    super('context deadline exceeded');
  }
}

/** The running task was canceled. It is retried like any failure, unless `outcome` says otherwise. */
export class TaskCanceledError extends QueueError {
  readonly code = 'TASK_CANCELED';

  /** @param outcome what becomes of the task if its handler does not decide; `undefined`: `retry` */
  constructor(
    readonly taskId: string,
    readonly outcome?: 'retry' | 'archive' | 'delete' | undefined,
  ) {
    super('context canceled');
  }
}

/** The server shuts down and cannot wait longer. The task goes back to the head of its queue, `retried` unchanged. */
export class ServerShutdownError extends QueueError {
  readonly code = 'SERVER_SHUTDOWN';

  constructor(readonly taskId: string) {
    super('server is shutting down');
  }
}
