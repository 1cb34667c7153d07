import { QueueError } from '@nestjs-asynq/core';

/**
 * A `@TaskHandler`, `@TaskAggregator` or `@PeriodicTask` is invalid, found at boot. The message names the class, the
 * method and the fix.
 */
export class HandlerSetupError extends QueueError {
  readonly code = 'HANDLER_SETUP';

  constructor(message: string, options?: ErrorOptions) {
    super(`AsynqModule: ${message}`, options);
  }
}
