import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { MAX_RETRY_DELAY_MS, defaultRetryDelay } from './retry-delay.js';

const task = { id: 't1', type: 'email:verify' };
const delayMs = (retried: number): number => defaultRetryDelay(retried, new Error('boom'), task);

const golden = new URL('../../../../test/interop/golden/default-retry-delay.json', import.meta.url);
const rows = JSON.parse(readFileSync(golden, 'utf8')) as { retried: number; min_s: number; max_s: number }[];

describe('defaultRetryDelay', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it.each(rows)('is between $min_s and $max_s s after $retried retries, as in Go', ({ retried, min_s, max_s }) => {
    vi.spyOn(Math, 'random')
      .mockReturnValueOnce(0)
      .mockReturnValueOnce(1 - Number.EPSILON);

    const shortestAndLongest = [delayMs(retried), delayMs(retried)];

    expect(shortestAndLongest).toEqual([min_s * 1000, max_s * 1000]);
  });

  it('stops growing at 30 days, where Go overflows', () => {
    expect(delayMs(60)).toBe(MAX_RETRY_DELAY_MS);
    expect(delayMs(1000)).toBe(MAX_RETRY_DELAY_MS);
  });
});
