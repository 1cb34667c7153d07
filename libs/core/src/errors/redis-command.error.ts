import { QueueError } from './queue-error.js';
import { withoutSecrets } from './without-secrets.js';

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
    const cause = withoutSecrets(options.cause);
    super(`Redis failed at ${command}: ${reasonOf(cause)}`, { cause });
  }
}

/** Of a cluster that cannot be reached, the reason of the node that was asked last. */
function reasonOf(error: Error): string {
  const { lastNodeError } = error as { lastNodeError?: Error };
  return lastNodeError ? `${error.message} ${lastNodeError.message}` : error.message;
}
