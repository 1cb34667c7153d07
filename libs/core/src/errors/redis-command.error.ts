import { QueueError } from './queue-error.js';
import { withoutSecrets } from './without-secrets.js';

interface RedisCommandErrorOptions extends ErrorOptions {
  /** Default `false`. */
  readonly isRepairable?: boolean | undefined;
  /** Default `false`. */
  readonly isOutcomeUnknown?: boolean | undefined;
  /** A remedy. */
  readonly remedy?: string | undefined;
}

/** Redis refused a command or did not answer. The message begins with the reason and ends with a remedy, if there is one. */
export class RedisCommandError extends QueueError {
  readonly code = 'REDIS_COMMAND';
  /**
   * An operator has to fix something, such as a full disk, `maxmemory` or a missing right; until then the call keeps failing.
   */
  readonly isRepairable: boolean;
  /**
   * The call was sent and not answered: it may have taken effect. `false`: Redis refused it, or it was never sent. An `enqueue` has
   * been repeated before it throws; with your own `taskId` it is safe to call again.
   */
  readonly isOutcomeUnknown: boolean;
  /** A short remedy; `undefined` if none is known. */
  readonly remedy: string | undefined;

  constructor(
    /** The command or script that failed. */
    readonly command: string,
    /**
     * The server is unavailable, failing over, loading or moving slots, so the same call may succeed later.
     */
    readonly isTransient: boolean,
    { cause: thrown, isRepairable = false, isOutcomeUnknown = false, remedy }: RedisCommandErrorOptions,
  ) {
    const cause = withoutSecrets(thrown);
    const reason = reasonOf(cause);
    super(`${reason.replace(/\.$/, '')}. Redis failed at ${command}${remedy === undefined ? '' : `: ${remedy}`}`, {
      cause,
    });
    this.isRepairable = isRepairable;
    this.isOutcomeUnknown = isOutcomeUnknown;
    this.remedy = remedy;
  }
}

/** For an unreachable cluster, the reason of the last node tried; for a closed connection, why it is closed. */
function reasonOf(error: Error): string {
  const { lastNodeError } = error as { lastNodeError?: Error };
  if (lastNodeError) return `${error.message} ${reasonOf(lastNodeError)}`;
  if (CLOSED.test(error.message) && error.cause instanceof Error) return reasonOf(error.cause);
  return error.message || (error as NodeJS.ErrnoException).code || error.name;
}

const CLOSED = /^Connection is closed/;
