import { QueueError } from './queue-error.js';

/** A task with this id exists in the queue, in any state, archived and completed ones included. Nothing was written. */
export class TaskIdConflictError extends QueueError {
  readonly code = 'TASK_ID_CONFLICT';

  constructor(
    readonly queue: string,
    readonly taskId: string,
  ) {
    super(`task ID conflicts with another task: ${taskId} in queue "${queue}"`);
  }
}
