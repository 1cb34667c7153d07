import { QueueError } from './queue-error.js';

/** The queue has no task with this id: it was never enqueued, or it ended and was not retained. */
export class TaskNotFoundError extends QueueError {
  readonly code = 'TASK_NOT_FOUND';

  constructor(
    readonly queue: string,
    readonly taskId: string,
  ) {
    super(`task not found: ${taskId} in queue "${queue}"`);
  }
}
