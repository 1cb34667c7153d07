/** Conversions between our milliseconds and the wire's whole seconds and nanoseconds. Nowhere else. */

/** Seconds of a point in time, rounded down: stamps such as archived-at and completed-at. */
export const floorS = (atMs: number): number => Math.floor(atMs / 1000);

/** Seconds of a due time or an expiry, rounded up, so that nobody acts early (Go reads the score alone). */
export const ceilS = (atMs: number): number => Math.ceil(atMs / 1000);

/** Whole seconds of a length of time, cut, as asynq cuts its durations. */
export const durationS = (lengthMs: number): number => Math.trunc(lengthMs / 1000);

export const fromS = (atS: number): number => atS * 1000;

/** `yyyy-mm-dd` in UTC: the day in the name of a counter. */
export const utcDay = (atMs: number): string => new Date(atMs).toISOString().slice(0, 10);

/** A wire int64 as a number; values beyond 2^53 stop there, since no clock or timer of ours reaches that far. */
export function clampInt64(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) return Number.MAX_SAFE_INTEGER;
  if (value < BigInt(Number.MIN_SAFE_INTEGER)) return Number.MIN_SAFE_INTEGER;
  return Number(value);
}
