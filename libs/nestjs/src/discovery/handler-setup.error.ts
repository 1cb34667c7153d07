import { QueueError } from '@nestjs-asynq/core';

/**
 * A `@TaskHandler`, `@TaskAggregator`, `@PeriodicTask` or `@OnTaskEvent` is invalid, found at boot or when its module is loaded. The
 * message names the class, the method and the fix.
 */
export class HandlerSetupError extends QueueError {
  readonly code = 'HANDLER_SETUP';

  constructor(message: string, options?: ErrorOptions) {
    super(`AsynqModule: ${message}`, options);
  }
}
