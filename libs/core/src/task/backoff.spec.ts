import { afterEach, expect, it, vi } from 'vitest';
import { backoffDelayMs } from './backoff.js';
import { MAX_RETRY_DELAY_MS } from './retry-delay.js';

afterEach(() => {
  vi.restoreAllMocks();
});

it('keeps a fixed delay, and doubles an exponential one up to its longest', () => {
  const fixed = { kind: 'fixed', delayMs: 1_000, maxMs: 60_000, jitter: 0 } as const;
  const growing = { ...fixed, kind: 'exponential' } as const;
  const retries = [0, 1, 2, 5, 6, 1_000];

  expect(retries.map((retried) => backoffDelayMs(fixed, retried))).toEqual(retries.map(() => 1_000));
  expect(retries.map((retried) => backoffDelayMs(growing, retried))).toEqual([
    1_000, 2_000, 4_000, 32_000, 60_000, 60_000,
  ]);
});

it('never exceeds the longest delay of all retries', () => {
  const endless = { kind: 'exponential', delayMs: 1_000, maxMs: Number.MAX_SAFE_INTEGER, jitter: 0 } as const;

  expect(backoffDelayMs(endless, 5_000)).toBe(MAX_RETRY_DELAY_MS);
});

it('leaves out a random share', () => {
  const half = { kind: 'fixed', delayMs: 1_000, maxMs: 60_000, jitter: 0.5 } as const;
  vi.spyOn(Math, 'random').mockReturnValueOnce(0).mockReturnValueOnce(1);

  expect([backoffDelayMs(half, 0), backoffDelayMs(half, 0)]).toEqual([1_000, 500]);
});
