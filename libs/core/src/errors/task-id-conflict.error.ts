import { QueueError } from './queue-error.js';

/** A task with this id exists in the queue, in some state, perhaps archived or completed. Nothing was written. */
export class TaskIdConflictError extends QueueError {
  readonly code = 'TASK_ID_CONFLICT';

  constructor(
    readonly queue: string,
    readonly taskId: string,
  ) {
    super(`task ID conflicts with another task: ${taskId} in queue "${queue}"`);
  }
}
