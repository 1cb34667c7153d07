import { asError } from './as-error.js';
import { QueueError } from './queue-error.js';

/** Bytes are not a valid protobuf record. */
export class MessageDecodeError extends QueueError {
  readonly code = 'MESSAGE_DECODE';

  constructor(
    readonly record: string,
    options: { cause: unknown },
  ) {
    super(`cannot decode ${record}: ${asError(options.cause).message}`, options);
  }
}
