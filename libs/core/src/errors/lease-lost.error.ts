import { QueueError } from './queue-error.js';

/**
 * The lease on a task expired before its result was written: the task now belongs to the recoverer. Drop the result.
 * The task will run again: delivery is at least once.
 */
export class LeaseLostError extends QueueError {
  readonly code = 'LEASE_LOST';

  constructor(
    readonly queue: string,
    readonly taskId: string,
    options?: ErrorOptions,
  ) {
    super(`lost the lease on task ${taskId} in queue "${queue}"`, options);
  }
}
