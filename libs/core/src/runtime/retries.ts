import { isInstance } from '../errors/as-error.js';
import { RedisCommandError } from '../errors/redis-command.error.js';
import { Backoff } from './backoff.js';
import type { Clock } from './clock.js';
import { LogLimit } from './log-limit.js';
import type { Logger } from './logger.js';

const FIRST_BACKOFF_MS = 100;
/** How often a continuing failure is logged. */
const LOG_EVERY_MS = 30_000;

export interface RetriesDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** From 0 up to 1, for jitter. Default `Math.random`; replaced in tests. */
  readonly random?: (() => number) | undefined;
}

/** The backoff of failing background work, and its log lines. */
export class Retries {
  private readonly backoff: Backoff;
  private readonly logLimit: LogLimit;

  /** @param longestBackoffMs maximum delay */
  constructor(
    private readonly name: string,
    private readonly deps: RetriesDeps,
    longestBackoffMs: number,
  ) {
    this.backoff = new Backoff(Math.min(FIRST_BACKOFF_MS, longestBackoffMs), longestBackoffMs, deps.random);
    this.logLimit = new LogLimit(deps.clock, LOG_EVERY_MS);
  }

  /** Counts and logs a failure; returns the delay before the next attempt, ms. */
  pauseAfter(error: unknown): number {
    const pauseMs = this.backoff.nextMs();
    if (this.logLimit.allows(this.name)) {
      const level = isInstance(error, RedisCommandError) && error.isTransient ? 'warn' : 'error';
      this.deps.logger[level](`${this.name} failed; next attempt in ${Math.round(pauseMs)} ms`, { error });
    }
    return pauseMs;
  }

  /** Resets the backoff after a success. */
  reset(): void {
    this.backoff.reset();
  }
}
