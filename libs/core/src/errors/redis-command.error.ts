import { asError } from './as-error.js';
import { QueueError } from './queue-error.js';

/**
 * Redis refused or did not answer. `isTransient`: the server is away, failing over, loading or moving slots, so the
 * same call may succeed later; whether this one took effect is unknown.
 */
export class RedisCommandError extends QueueError {
  readonly code = 'REDIS_COMMAND';

  constructor(
    readonly command: string,
    readonly isTransient: boolean,
    options: { cause: unknown },
  ) {
    super(`Redis failed at ${command}: ${asError(options.cause).message}`, options);
  }
}
