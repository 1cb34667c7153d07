import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type CatchUp, tickToClaim } from './catch-up.js';
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
] as const)('after four missed ticks, %s goes for minute %s', (catchUp, minute) => {
  expect(claim('@every 10m', catchUp, 20, 57)).toBe(minute);
});

it('does not take a tick for missed that is a little late', () => {
  expect(claim('@every 10m', 'skip', 20, 50 + 9 / 60)).toBe(50);
});

it('never fires a spec that is over', () => {
  expect(claim('0 0 30 2 *', 'all', 0, 10)).toBeUndefined();
});

it('finds the newest of any number of missed ticks', () => {
  const specs = fc.constantFrom('*/7 * * * *', '0 3 * * 1', '30 2 1 * *', '0 0 1 1 *', '@every 95s', '@every 50h');
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
