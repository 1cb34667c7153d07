import type { ScheduleProgress } from '../broker/contract/schedules.js';
import type { TickTimes } from '../cron/tick-times.js';

/**
 * How ticks are made up for that passed while no scheduler ran, or none could reach Redis:
 * `skip` gives them up, `one` makes up for all of them once, `all` for each. Ticks that are late by up to 10 s were not
 * missed; of several of these, `skip` too makes up for the newest.
 */
export type CatchUp = 'skip' | 'one' | 'all';

/** A tick late by less was not missed: a process may be busy, or Redis away, for this long. */
const LATE_MS = 10_000;

/** How far back the newest tick is searched, step by step: most are near. */
const STEPS_BACK_MS = [60_000, 3_600_000, 86_400_000, 32 * 86_400_000, 366 * 86_400_000];

/** Clocks of machines may differ by this without harm. */
export const MOST_SKEW_MS = 60_000;

/**
 * The tick to claim next, be it past or future, unix ms; `undefined`: there is none any more.
 *
 * Ticks are used up to the claimed one, also when that is still to come: some clock was ahead. But when it is further ahead than
 * the ticks are apart, the clock was set back since, and they begin anew from now: `@every 1s` must not stand still for an
 * hour, while a daily tick does not come twice.
 * @param mostAheadMs by which a claim may be ahead whatever the period is
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

/** The last tick that is not after now, given one that is not. */
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
