import type { ScheduleProgress } from '../broker/schedule-roles.js';
import type { TickTimes } from '../cron/tick-times.js';

/**
 * What becomes of ticks that passed while no scheduler ran, or while it could not reach Redis:
 * `skip` gives them up, `one` makes up for all of them once, `all` for each. Ticks that are late by up to 10 s were not
 * missed; of several of these, `skip` too makes up for the newest.
 */
export type CatchUp = 'skip' | 'one' | 'all';

/** A tick that is late by less was not missed: a process may be busy for so long, and Redis away. */
const LATE_MS = 10_000;

/** How far back the newest tick is looked for, step by step: most are near. */
const STEPS_BACK_MS = [60_000, 3_600_000, 86_400_000, 32 * 86_400_000, 366 * 86_400_000];

/** The tick to claim next, be it past or future, unix ms; `undefined`: there is none any more. */
export function tickToClaim(
  times: TickTimes,
  { claimedMs, sinceMs }: ScheduleProgress,
  catchUp: CatchUp,
  nowMs: number,
): number | undefined {
  const firstMs = times.next(claimedMs, sinceMs);
  if (firstMs === undefined || firstMs > nowMs || catchUp === 'all') return firstMs;
  const newestMs = newestTick(times, firstMs, sinceMs, nowMs);
  const isMissed = catchUp === 'skip' && newestMs < nowMs - LATE_MS;
  return isMissed ? times.next(nowMs, sinceMs) : newestMs;
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
