import type { Duration } from '../runtime/duration.js';
import type { BackoffRecord } from '../wire/backoff-record.js';
import { MAX_RETRY_DELAY_MS } from './retry-delay.js';

/** The delays between the attempts of one task. */
export interface BackoffOptions {
  /** `fixed`: always `delay`. `exponential`: `delay` before the first retry, twice as long before each further one. Default `fixed`. */
  readonly type?: 'fixed' | 'exponential' | undefined;
  /** The delay, or the first one. */
  readonly delay: Duration;
  /** The longest delay. Default and maximum: 30 days. */
  readonly maxDelay?: Duration | undefined;
  /** Share of each delay that is random: with 0.5 it is between half of the delay and all of it. 0 to 1, default 0. */
  readonly jitter?: number | undefined;
}

/** @param retried counted failures before this one */
export function backoffDelayMs({ kind, delayMs, maxMs, jitter }: BackoffRecord, retried: number): number {
  const grownMs = kind === 'fixed' ? delayMs : delayMs * 2 ** retried;
  const longestMs = Math.min(grownMs, maxMs, MAX_RETRY_DELAY_MS);
  return Math.round(longestMs * (1 - jitter * Math.random()));
}
