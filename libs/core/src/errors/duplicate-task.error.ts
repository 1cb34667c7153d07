import { QueueError } from './queue-error.js';

/** Another task holds the unique lock for this queue, type and key. Nothing was written. */
export class DuplicateTaskError extends QueueError {
  readonly code = 'DUPLICATE_TASK';

  constructor(
    readonly queue: string,
    readonly taskType: string,
    /** Id of the task that holds the lock, when known. */
    readonly holderId: string | undefined,
  ) {
    super(
      `task already exists: type "${taskType}" in queue "${queue}"${holderId ? ` is held by task ${holderId}` : ''}`,
    );
  }
}
