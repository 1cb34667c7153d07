import { QueueError } from './queue-error.js';

/** The attempt ran past its timeout or deadline. The text, which is asynq's, becomes the task's last error. */
export class TaskTimeoutError extends QueueError {
  readonly code = 'TASK_TIMEOUT';

  constructor(readonly taskId: string) {
    super('context deadline exceeded');
  }
}

/** The running task was canceled. It is retried like any failure, unless `outcome` says otherwise. */
export class TaskCanceledError extends QueueError {
  readonly code = 'TASK_CANCELED';

  /** @param outcome of the attempt, unless its handler decides otherwise; `undefined`: `retry` */
  constructor(
    readonly taskId: string,
    readonly outcome?: 'retry' | 'archive' | 'delete' | undefined,
  ) {
    super('context canceled');
  }
}

/** The server shuts down and cannot wait longer. The task returns to the head of its queue, `retried` unchanged. */
export class ServerShutdownError extends QueueError {
  readonly code = 'SERVER_SHUTDOWN';

  constructor(readonly taskId: string) {
    super('server is shutting down');
  }
}
