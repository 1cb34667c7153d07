import { QueueError } from './queue-error.js';

/** The client, inspector, scheduler or broker was used after its `close()`. */
export class ClosedError extends QueueError {
  readonly code = 'CLOSED';

  constructor(readonly part: 'client' | 'inspector' | 'scheduler' | 'broker' | 'queue events') {
    super(`the ${part} is closed`);
  }
}
