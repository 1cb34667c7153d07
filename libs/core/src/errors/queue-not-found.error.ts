import { QueueError } from './queue-error.js';

/** Nobody has ever enqueued to a queue of this name, or it was removed. */
export class QueueNotFoundError extends QueueError {
  readonly code = 'QUEUE_NOT_FOUND';

  constructor(readonly queue: string) {
    super(`queue not found: "${queue}"`);
  }
}
