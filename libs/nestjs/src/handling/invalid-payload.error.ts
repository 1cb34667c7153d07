import { QueueError } from '@nestjs-asynq/core';

/** The payload violates the rules of the handler's payload class. Thrown on enqueue; nothing was written. */
export class InvalidPayloadError extends QueueError {
  readonly code = 'INVALID_PAYLOAD';

  constructor(
    readonly taskType: string,
    /** One per violated rule, with the path of the property. */
    readonly messages: readonly string[],
    options?: ErrorOptions,
  ) {
    super(`invalid payload for task type "${taskType}": ${messages.join('; ')}`, options);
  }
}
