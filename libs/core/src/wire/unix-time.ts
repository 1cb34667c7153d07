/** Conversions between our milliseconds and the wire's whole seconds and nanoseconds. Nowhere else. */

/** Seconds of a point in time, rounded down: stamps such as archived-at and completed-at. */
export const floorS = (atMs: number): number => Math.floor(atMs / 1000);

/** Seconds of a due time or an expiry, rounded up, so that nobody acts early (Go reads the score alone). */
export const ceilS = (atMs: number): number => Math.ceil(atMs / 1000);

/**
 * Whole seconds of a length of time, rounded up: what was asked for is kept at least. (asynq cuts, so that less than a
 * second is none.)
 */
export const durationS = (lengthMs: number): number => Math.ceil(lengthMs / 1000);

export const fromS = (atS: number): number => atS * 1000;

/** The last and the first millisecond that a `Date` can be. */
const LAST_DATE_MS = 8.64e15;

/** A point in time to be shown. Go writes times that no `Date` can be: the nearest one is shown. */
export const dateOf = (atMs: number): Date =>
  new Date(Number.isNaN(atMs) ? 0 : Math.min(Math.max(atMs, -LAST_DATE_MS), LAST_DATE_MS));

/** `yyyy-mm-dd` in UTC: the day in the name of a counter. */
export const utcDay = (atMs: number): string => new Date(atMs).toISOString().slice(0, 10);

/** A wire int64 as a number; values beyond 2^53 stop there, since no clock or timer of ours reaches that far. */
export function clampInt64(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) return Number.MAX_SAFE_INTEGER;
  if (value < BigInt(Number.MIN_SAFE_INTEGER)) return Number.MIN_SAFE_INTEGER;
  return Number(value);
}

const NS_PER_S = 1_000_000_000n;

/** Go's zero time, the start of year 1: "never" in a record. */
export const NEVER_NS = -62_135_596_800n * NS_PER_S;

/** The end of year 9999. asynq 0.24 skips a record that holds a later time. */
const LAST_NS = 253_402_300_800n * NS_PER_S - 1n;

/** Unix nanoseconds of a point in time, from whole milliseconds. */
export const toNs = (atMs: number): bigint => BigInt(Math.floor(atMs)) * 1_000_000n;

/** Unix milliseconds, rounded down. */
export const fromNs = (atNs: bigint): number => Number((atNs - mod(atNs, 1_000_000n)) / 1_000_000n);

/** How long a task has waited, ms; 0 when nobody wrote down since when, or a clock ahead of ours did. */
export function latencyMs(sinceNs: bigint | undefined, nowNs: bigint): number {
  return sinceNs === undefined || sinceNs > nowNs ? 0 : Number((nowNs - sinceNs) / 1_000n) / 1_000;
}

/** The two parts of a protobuf timestamp; beyond the years 1 to 9999 it stops there. */
export function splitNs(atNs: bigint): { seconds: bigint; nanos: number } {
  const valid = atNs < NEVER_NS ? NEVER_NS : atNs > LAST_NS ? LAST_NS : atNs;
  const nanos = mod(valid, NS_PER_S);
  return { seconds: (valid - nanos) / NS_PER_S, nanos: Number(nanos) };
}

export const joinNs = (seconds: bigint, nanos: number): bigint => seconds * NS_PER_S + BigInt(nanos);

/** Remainder that is never negative, so that times before 1970 round down too. */
const mod = (value: bigint, divisor: bigint): bigint => ((value % divisor) + divisor) % divisor;
