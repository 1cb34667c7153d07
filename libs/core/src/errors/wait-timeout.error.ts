import { QueueError } from './queue-error.js';

/** The task did not end within the time that somebody wanted to wait. It goes on; wait again to know. */
export class WaitTimeoutError extends QueueError {
  readonly code = 'WAIT_TIMEOUT';

  constructor(
    readonly queue: string,
    readonly taskId: string,
    readonly timeoutMs: number,
  ) {
    super(`task ${taskId} in queue "${queue}" did not end within ${timeoutMs} ms`);
  }
}
