import { isInstance } from '../errors/as-error.js';
import { RedisCommandError } from '../errors/redis-command.error.js';
import { Backoff } from './backoff.js';
import type { Clock } from './clock.js';
import { LogLimit } from './log-limit.js';
import type { Logger } from './logger.js';

const FIRST_BACKOFF_MS = 100;
/** A failure that goes on is logged once in this time. */
const LOG_EVERY_MS = 30_000;

export interface RetriesDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** From 0 up to 1, for jitter. Default `Math.random`; replaced in tests. */
  readonly random?: (() => number) | undefined;
}

/** The pauses between tries of background work that fails, and its lines in the log. */
export class Retries {
  private readonly backoff: Backoff;
  private readonly logLimit: LogLimit;

  /** @param longestBackoffMs where the pauses stop growing */
  constructor(
    private readonly name: string,
    private readonly deps: RetriesDeps,
    longestBackoffMs: number,
  ) {
    this.backoff = new Backoff(Math.min(FIRST_BACKOFF_MS, longestBackoffMs), longestBackoffMs, deps.random);
    this.logLimit = new LogLimit(deps.clock, LOG_EVERY_MS);
  }

  /** It failed: how long to wait before the next try, ms. */
  pauseAfter(error: unknown): number {
    const pauseMs = this.backoff.nextMs();
    if (this.logLimit.allows(this.name)) {
      const level = isInstance(error, RedisCommandError) && error.isTransient ? 'warn' : 'error';
      this.deps.logger[level](`${this.name} failed; next try in ${Math.round(pauseMs)} ms`, { error });
    }
    return pauseMs;
  }

  /** It worked: the next pause is short again. */
  reset(): void {
    this.backoff.reset();
  }
}
