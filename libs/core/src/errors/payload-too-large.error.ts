import { QueueError } from './queue-error.js';

/** The encoded payload is above the client's `maxPayloadBytes`. Nothing was written. Store it elsewhere and send a reference. */
export class PayloadTooLargeError extends QueueError {
  readonly code = 'PAYLOAD_TOO_LARGE';

  constructor(
    readonly taskType: string,
    readonly sizeBytes: number,
    readonly maxPayloadBytes: number,
  ) {
    super(`payload of task type "${taskType}" has ${sizeBytes} bytes; allowed: ${maxPayloadBytes}`);
  }
}
