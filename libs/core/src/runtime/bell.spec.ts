import { describe, expect, it } from 'vitest';
import { FakeClock } from '../testing/fake-clock.js';
import { Bell } from './bell.js';

const never = new AbortController().signal;

describe('Bell', () => {
  it('ends the next wait at once when it rang before', async () => {
    const bell = new Bell(new FakeClock());
    bell.ring();

    await bell.wait(never);

    expect(bell.isRung).toBe(false);
  });

  it('ends a wait under way', async () => {
    const bell = new Bell(new FakeClock());
    const waiting = bell.wait(never);

    bell.ring();

    await expect(waiting).resolves.toBeUndefined();
  });

  it('gives up after the timeout and not before', async () => {
    const clock = new FakeClock();
    let isOver = false;
    void new Bell(clock).wait(never, 1_000).then(() => (isOver = true));

    await clock.advance(999);
    expect(isOver).toBe(false);

    await clock.advance(1);
    expect(isOver).toBe(true);
  });

  it('ends the wait when the signal aborts', async () => {
    const stopping = new AbortController();
    const waiting = new Bell(new FakeClock()).wait(stopping.signal);

    stopping.abort();

    await expect(waiting).resolves.toBeUndefined();
  });
});
