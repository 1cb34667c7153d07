import { QueueError } from './queue-error.js';

/** The queue was not removed, because it has tasks. `force` does not remove a queue with active tasks. */
export class QueueNotEmptyError extends QueueError {
  readonly code = 'QUEUE_NOT_EMPTY';

  /** @param activeTasks number of active tasks if these are the reason, otherwise 0 */
  constructor(
    readonly queue: string,
    readonly activeTasks: number = 0,
  ) {
    super(`queue "${queue}" ${activeTasks > 0 ? `has ${activeTasks} active tasks` : 'is not empty'}`);
  }
}
