import { QueueError } from '@nestjs-asynq/core';

/** The payload does not fit the class that the task's handler takes. Thrown on enqueue; nothing was written. */
export class InvalidPayloadError extends QueueError {
  readonly code = 'INVALID_PAYLOAD';

  constructor(
    readonly taskType: string,
    /** One for each rule that was broken, with the path of the property. */
    readonly messages: readonly string[],
    options?: ErrorOptions,
  ) {
    super(`invalid payload for task type "${taskType}": ${messages.join('; ')}`, options);
  }
}
