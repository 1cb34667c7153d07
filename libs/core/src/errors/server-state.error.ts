import { QueueError } from './queue-error.js';

/** `start`, `stop`, `pause` or `resume` of a server was called in the wrong state. A closed server stays closed. */
export class ServerStateError extends QueueError {
  readonly code = 'SERVER_STATE';

  constructor(
    readonly call: 'start' | 'stop' | 'pause' | 'resume',
    readonly state: 'new' | 'active' | 'stopped' | 'closed',
  ) {
    super(`cannot ${call} the server: ${REASONS[state]}`);
  }
}

const REASONS = {
  new: 'it has not been started',
  active: 'it is already running',
  stopped: 'it is stopped and waits for its shutdown',
  closed: 'it is closed; make a new one',
} as const;
