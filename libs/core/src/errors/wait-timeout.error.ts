import { QueueError } from './queue-error.js';

/** The task did not end within the timeout of the wait. The task continues; call wait again for its end. */
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
