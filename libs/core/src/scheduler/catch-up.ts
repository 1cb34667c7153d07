import type { CatchUp, ScheduleProgress } from '../broker/contract/schedules.js';
import type { TickTimes } from '../cron/tick-times.js';

/** A tick that is late by less does not count as missed: a process may be busy, or Redis unavailable, for this long. */
const LATE_MS = 10_000;

/** How far back to search for the newest tick, in steps, since it is usually near. */
const STEPS_BACK_MS = [60_000, 3_600_000, 86_400_000, 32 * 86_400_000, 366 * 86_400_000];

/** Tolerated clock difference between machines. */
export const MOST_SKEW_MS = 60_000;

/**
 * The tick to claim next, past or future, unix ms; `undefined`: there are no more.
 *
 * Ticks up to the claimed one are used, even if that is in the future because some clock was ahead. But if it is
 * further ahead than the interval between ticks, the clock was set back since, and ticks restart from now: `@every 1s`
 * must not stop for an hour, while a daily tick must not fire twice.
 * @param mostAheadMs how far a claim may be ahead regardless of the interval
 */
export function tickToClaim(
  times: TickTimes,
  { claimedMs, sinceMs }: ScheduleProgress,
  catchUp: CatchUp,
  nowMs: number,
  mostAheadMs = MOST_SKEW_MS,
): number | undefined {
  const aheadMs = claimedMs - nowMs;
  const isValid = aheadMs <= mostAheadMs || aheadMs <= periodMs(times, sinceMs, nowMs);
  const firstMs = times.next(isValid ? claimedMs : nowMs, sinceMs);
  if (firstMs === undefined || firstMs > nowMs || catchUp === 'all') return firstMs;
  const newestMs = newestTick(times, firstMs, sinceMs, nowMs);
  const isMissed = catchUp === 'skip' && newestMs < nowMs - LATE_MS;
  return isMissed ? times.next(nowMs, sinceMs) : newestMs;
}

/** The time between the next two ticks. */
function periodMs(times: TickTimes, sinceMs: number, nowMs: number): number {
  const nextMs = times.next(nowMs, sinceMs);
  const laterMs = nextMs === undefined ? undefined : times.next(nextMs, sinceMs);
  return laterMs === undefined ? Infinity : laterMs - nextMs!;
}

/** The last tick that is not after now, given an earlier one. */
function newestTick(times: TickTimes, firstMs: number, sinceMs: number, nowMs: number): number {
  let newestMs = firstMs;
  for (const backMs of STEPS_BACK_MS) {
    const nearMs = times.next(nowMs - backMs, sinceMs);
    if (nearMs === undefined || nearMs > nowMs) continue;
    newestMs = Math.max(firstMs, nearMs);
    break;
  }
  for (;;) {
    const laterMs = times.next(newestMs, sinceMs);
    if (laterMs === undefined || laterMs > nowMs) return newestMs;
    newestMs = laterMs;
  }
}
