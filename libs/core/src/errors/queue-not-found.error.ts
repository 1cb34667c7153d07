import { QueueError } from './queue-error.js';

/** There is no queue of this name: no task was ever enqueued to it and no server serves it, or it was removed. */
export class QueueNotFoundError extends QueueError {
  readonly code = 'QUEUE_NOT_FOUND';

  constructor(readonly queue: string) {
    super(`queue not found: "${queue}"`);
  }
}
