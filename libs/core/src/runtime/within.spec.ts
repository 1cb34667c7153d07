import { describe, expect, it } from 'vitest';
import { FakeClock } from '../testing/fake-clock.js';
import { sleep } from './clock.js';
import { resultWithin, within } from './within.js';

describe('within', () => {
  it('ends with the work', async () => {
    const clock = new FakeClock();

    await expect(within(clock, 1_000, Promise.resolve())).resolves.toBe(true);
  });

  it('ends after the timeout', async () => {
    const clock = new FakeClock();
    const inTime = within(clock, 1_000, sleep(clock, 999));
    const late = within(clock, 1_000, sleep(clock, 1_001));

    await clock.advance(1_000);

    expect(await inTime).toBe(true);
    expect(await late).toBe(false);
  });
});

describe('resultWithin', () => {
  it('returns the result of work that ends in time', async () => {
    const clock = new FakeClock();
    const result = resultWithin(
      clock,
      1_000,
      sleep(clock, 999).then(() => 'done'),
    );

    await clock.advance(1_000);

    expect(await result).toBe('done');
  });

  it('rejects with a failure of the work in time', async () => {
    await expect(resultWithin(new FakeClock(), 1_000, Promise.reject(new Error('failed')))).rejects.toThrow('failed');
  });

  it('returns undefined after the timeout, and ignores a later failure', async () => {
    const clock = new FakeClock();
    const failing = sleep(clock, 2_000).then(() => Promise.reject(new Error('late')));
    const result = resultWithin(clock, 1_000, failing);

    await clock.advance(3_000);

    expect(await result).toBeUndefined();
  });
});
