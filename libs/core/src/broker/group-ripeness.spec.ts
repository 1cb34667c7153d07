import { expect, it } from 'vitest';
import { ripeFromS } from './group-ripeness.js';

const LIMITS = { gracePeriodS: 60, maxDelayS: 0, maxSize: 2 };

it('a full group is ripe, whenever its tasks joined', () => {
  expect(ripeFromS({ size: 2, oldestS: 5_000, newestS: Infinity }, LIMITS)).toBe(-Infinity);
});

it('a group of fewer tasks is ripe when the grace period is over, or the longest delay', () => {
  const group = { size: 1, oldestS: 10, newestS: 100 };

  expect(ripeFromS(group, LIMITS)).toBe(160);
  expect(ripeFromS(group, { ...LIMITS, maxDelayS: 30 })).toBe(40);
});
