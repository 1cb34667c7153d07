import { QueueError } from './queue-error.js';

/** The awaited task was archived: it failed permanently. `lastError` is the text of its last error. */
export class TaskFailedError extends QueueError {
  readonly code = 'TASK_FAILED';

  constructor(
    readonly queue: string,
    readonly taskId: string,
    readonly lastError: string,
  ) {
    super(`task ${taskId} in queue "${queue}" failed: ${lastError}`);
  }
}
