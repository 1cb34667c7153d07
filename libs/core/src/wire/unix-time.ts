/** All conversions between our milliseconds and the wire's whole seconds and nanoseconds. */

/** Seconds of a point in time, rounded down: timestamps such as archived-at and completed-at. */
export const floorS = (atMs: number): number => Math.floor(atMs / 1000);

/** Seconds of a due time or an expiry, rounded up, so that no program acts early (Go reads only the score). */
export const ceilS = (atMs: number): number => Math.ceil(atMs / 1000);

/**
 * Whole seconds of a duration, rounded up, so that it is never shorter than requested. (asynq truncates, so that less
 * than a second is none.)
 */
export const durationS = (lengthMs: number): number => Math.ceil(lengthMs / 1000);

export const fromS = (atS: number): number => atS * 1000;

/** The limit of a `Date`, in ms before and after 1970. */
const LAST_DATE_MS = 8.64e15;

/** A point in time for display. Go can write times out of the range of a `Date`: these become the nearest `Date`. */
export const dateOf = (atMs: number): Date =>
  new Date(Number.isNaN(atMs) ? 0 : Math.min(Math.max(atMs, -LAST_DATE_MS), LAST_DATE_MS));

/** `yyyy-mm-dd` in UTC: the day in the name of a counter. */
export const utcDay = (atMs: number): string => new Date(atMs).toISOString().slice(0, 10);

/** A wire int64 as a number, clamped to 2^53, which is beyond every clock and timer. */
export function clampInt64(value: bigint): number {
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number(value), Number.MAX_SAFE_INTEGER));
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

/** How long a task has waited, ms; 0 when the start was not recorded, or recorded by a clock ahead of ours. */
export function latencyMs(sinceNs: bigint | undefined, nowNs: bigint): number {
  return sinceNs === undefined || sinceNs > nowNs ? 0 : Number((nowNs - sinceNs) / 1_000n) / 1_000;
}

/** The two parts of a protobuf timestamp, clamped to the years 1 to 9999. */
export function splitNs(atNs: bigint): { seconds: bigint; nanos: number } {
  const valid = atNs < NEVER_NS ? NEVER_NS : atNs > LAST_NS ? LAST_NS : atNs;
  const nanos = mod(valid, NS_PER_S);
  return { seconds: (valid - nanos) / NS_PER_S, nanos: Number(nanos) };
}

export const joinNs = (seconds: bigint, nanos: number): bigint => seconds * NS_PER_S + BigInt(nanos);

/** A remainder that is never negative, so that times before 1970 are rounded down, too. */
const mod = (value: bigint, divisor: bigint): bigint => ((value % divisor) + divisor) % divisor;
