import { QueueError } from './queue-error.js';

/** The attempt ran past its timeout or deadline. Ends up in the task's last error, in asynq's words. */
export class TaskTimeoutError extends QueueError {
  readonly code = 'TASK_TIMEOUT';

  constructor(readonly taskId: string) {
    super('context deadline exceeded');
  }
}

/** Somebody cancelled the running task. It is retried like any failure. */
export class TaskCanceledError extends QueueError {
  readonly code = 'TASK_CANCELED';

  constructor(readonly taskId: string) {
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
