import { QueueError } from './queue-error.js';

/** The queue has tasks, so it is not removed. Active tasks forbid it even by force. */
export class QueueNotEmptyError extends QueueError {
  readonly code = 'QUEUE_NOT_EMPTY';

  /** @param activeTasks how many tasks run, when they are what forbids it; else 0 */
  constructor(
    readonly queue: string,
    readonly activeTasks: number = 0,
  ) {
    super(`queue "${queue}" ${activeTasks > 0 ? `has ${activeTasks} active tasks` : 'is not empty'}`);
  }
}
