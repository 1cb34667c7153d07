import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CatchUp } from '../broker/contract/schedules.js';
import { tickToClaim } from './catch-up.js';
import { parseCronSpec } from '../cron/cron-spec.js';

const MINUTE_MS = 60_000;
/** Minute 0 of the tests: a full hour. */
const START_MS = 1_700_002_800_000;

function claim(spec: string, catchUp: CatchUp, claimedMinute: number, nowMinute: number): number | undefined {
  const progress = { sinceMs: START_MS, claimedMs: START_MS + claimedMinute * MINUTE_MS };
  const times = parseCronSpec(spec);
  const nowMs = START_MS + nowMinute * MINUTE_MS;
  const tickMs = tickToClaim(times, { ...progress, firedMs: undefined, isPaused: false }, catchUp, nowMs);
  return tickMs === undefined ? undefined : (tickMs - START_MS) / MINUTE_MS;
}

it.each(['skip', 'one', 'all'] as const)('waits for the next tick when none was missed (%s)', (catchUp) => {
  expect(claim('@every 10m', catchUp, 20, 25)).toBe(30);
});

it.each([
  ['skip', 60],
  ['one', 50],
  ['all', 30],
] as const)('after four missed ticks, %s claims minute %s', (catchUp, minute) => {
  expect(claim('@every 10m', catchUp, 20, 57)).toBe(minute);
});

it('does not treat a slightly late tick as missed', () => {
  expect(claim('@every 10m', 'skip', 20, 50 + 9 / 60)).toBe(50);
});

it.each([
  ['skip', 6],
  ['one', 6],
  ['all', 2],
] as const)('of several slightly late ticks, %s claims the one at %s s first', (catchUp, second) => {
  expect(claim('@every 2s', catchUp, 0, 7.5 / 60)).toBe(second / 60);
});

it('never fires a spec without further ticks', () => {
  expect(claim('0 0 30 2 *', 'all', 0, 10)).toBeUndefined();
});

/** The ticks claimed by a scheduler that resumes at `now`, until none is due. */
function claimedTicks(spec: string, catchUp: CatchUp, since: string, now: string): string[] {
  const times = parseCronSpec(spec);
  const [sinceMs, nowMs] = [Date.parse(since), Date.parse(now)];
  const ticks: string[] = [];
  for (let claimedMs = sinceMs; ;) {
    const progress = { sinceMs, claimedMs, firedMs: undefined, isPaused: false };
    const tickMs = tickToClaim(times, progress, catchUp, nowMs);
    if (tickMs === undefined || tickMs > nowMs) return ticks;
    ticks.push(new Date(tickMs).toISOString().slice(5, 16));
    claimedMs = tickMs;
  }
}

describe.each([
  // 2:30 does not exist on 31 March 2024.
  ['CRON_TZ=Europe/Berlin 30 2 * * *', '2024-03-29T12:00Z', '2024-04-01T12:00Z', ['03-30T01:30', '04-01T00:30']],
  // 2:30 occurs twice on 27 October 2024.
  ['CRON_TZ=Europe/Berlin 30 2 * * *', '2024-10-26T12:00Z', '2024-10-27T12:00Z', ['10-27T00:30', '10-27T01:30']],
  // A day of 23 hours, and one of 25.
  [
    'CRON_TZ=America/New_York 0 */8 * * *',
    '2024-03-10T04:30Z',
    '2024-03-11T04:30Z',
    ['03-10T05:00', '03-10T12:00', '03-10T20:00', '03-11T04:00'],
  ],
  [
    'CRON_TZ=America/New_York 0 */8 * * *',
    '2024-11-03T03:30Z',
    '2024-11-04T05:30Z',
    ['11-03T04:00', '11-03T13:00', '11-03T21:00', '11-04T05:00'],
  ],
  // The clocks move by half an hour.
  ['CRON_TZ=Australia/Lord_Howe 45 1 * * *', '2024-04-06T12:00Z', '2024-04-06T16:00Z', ['04-06T14:45', '04-06T15:15']],
  ['@every 12h', '2024-03-30T20:00Z', '2024-03-31T21:00Z', ['03-31T08:00', '03-31T20:00']],
])('across a clock change, %s from %s to %s', (spec, since, now, all) => {
  it.each([
    ['skip', []],
    ['one', all.slice(-1)],
    ['all', all],
  ] as const)('is caught up according to %s', (catchUp, expected) => {
    expect(claimedTicks(spec, catchUp, since, now)).toEqual(expected);
  });
});

it('finds the newest of any number of missed ticks', () => {
  const specs = fc.constantFrom(
    ...['*/7 * * * *', '0 3 * * 1', '30 2 1 * *', '0 0 1 1 *', '@every 95s', '@every 50h'],
    ...['CRON_TZ=Europe/Berlin 30 2 * * *', 'CRON_TZ=America/New_York */20 1 * * 0'],
  );
  const minutes = fc.integer({ min: 0, max: 900_000 });

  fc.assert(
    fc.property(specs, minutes, (spec, nowMinute) => {
      const newest = claim(spec, 'one', 0, nowMinute)!;
      const times = parseCronSpec(spec);
      const following = (times.next(START_MS + newest * MINUTE_MS, START_MS)! - START_MS) / MINUTE_MS;

      if (newest <= nowMinute) expect(following).toBeGreaterThan(nowMinute);
      else expect(newest).toBe(claim(spec, 'all', 0, nowMinute));
    }),
  );
});
