import { QueueError } from './queue-error.js';

/**
 * The lease on a task ran out before its result was written: the recoverer owns the task now.
 * Drop the result. The task will run again, which is what at-least-once delivery promises.
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
