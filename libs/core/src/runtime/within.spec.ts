import { describe, expect, it } from 'vitest';
import { FakeClock } from '../testing/fake-clock.js';
import { sleep } from './clock.js';
import { within } from './within.js';

describe('within', () => {
  it('ends with the work', async () => {
    const clock = new FakeClock();

    await expect(within(clock, 1_000, Promise.resolve())).resolves.toBe(true);
  });

  it('ends when time runs out', async () => {
    const clock = new FakeClock();
    const inTime = within(clock, 1_000, sleep(clock, 999));
    const late = within(clock, 1_000, sleep(clock, 1_001));

    await clock.advance(1_000);

    expect(await inTime).toBe(true);
    expect(await late).toBe(false);
  });
});
