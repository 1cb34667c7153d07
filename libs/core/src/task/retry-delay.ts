/**
 * How long to wait before the next attempt, in milliseconds. `retried` is the number of counted failures before this
 * one; `error` is the value that the handler threw. 0 retries at once; 30 days is the maximum. For any other result (a
 * negative number, `NaN`, `Infinity`, a promise), and for an exception, an error is logged once and the default delay
 * applies.
 */
export type RetryDelay = (
  retried: number,
  error: unknown,
  task: { readonly id: string; readonly type: string },
) => number;

/** Longest delay: 30 days. asynq overflows near 310 retries and then retries at once. */
export const MAX_RETRY_DELAY_MS = 30 * 24 * 3600 * 1000;

/** asynq's default: retried⁴ + 15 + random(0…29) × (retried + 1) seconds; 15 to 44 s for the first retry. */
export const defaultRetryDelay: RetryDelay = (retried) => {
  const jitterS = Math.floor(Math.random() * 30) * (retried + 1);
  return Math.min((retried ** 4 + 15 + jitterS) * 1000, MAX_RETRY_DELAY_MS);
};
