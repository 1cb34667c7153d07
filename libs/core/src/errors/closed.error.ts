import { QueueError } from './queue-error.js';

/** The client or inspector was used after its `close()`. */
export class ClosedError extends QueueError {
  readonly code = 'CLOSED';

  constructor(readonly part: 'client' | 'inspector') {
    super(`the ${part} is closed`);
  }
}
