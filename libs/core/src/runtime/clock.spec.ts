import { expect, it } from 'vitest';
import { systemClock } from './clock.js';

/** Of the measurement of the thread's origin. */
const TOLERANCE_MS = 1;

const sharedMs = (): number => Number(process.hrtime.bigint()) / 1e6;

it('counts monotonic time from the origin that all threads of the process share', () => {
  const beforeMs = sharedMs();

  const nowMs = systemClock.monotonicMs!();

  const afterMs = sharedMs();
  expect(nowMs).toBeGreaterThanOrEqual(beforeMs - TOLERANCE_MS);
  expect(nowMs).toBeLessThanOrEqual(afterMs + TOLERANCE_MS);
});
