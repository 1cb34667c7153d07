import { QueueError } from './queue-error.js';

/** No handler of this server matches the task's type. The text is asynq's. */
export class HandlerNotFoundError extends QueueError {
  readonly code = 'HANDLER_NOT_FOUND';

  constructor(
    readonly taskType: string,
    readonly knownTypes: readonly string[],
  ) {
    super(`handler not found for task "${taskType}"`);
  }
}
