import { QueueError } from './queue-error.js';

/** The Redis user lacks rights that a server needs. `rights` are in Redis' notation, such as `+hset`. */
export class MissingRightsError extends QueueError {
  readonly code = 'MISSING_RIGHTS';

  constructor(readonly rights: readonly string[]) {
    super(`the Redis user lacks rights that a server needs; grant them with ACL SETUSER: ${rights.join(' ')}`);
  }
}
