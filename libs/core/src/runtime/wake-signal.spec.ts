import { describe, expect, it } from 'vitest';
import { FakeClock } from '../testing/fake-clock.js';
import { WakeSignal } from './wake-signal.js';

const never = new AbortController().signal;

describe('WakeSignal', () => {
  it('ends the next wait at once when it was sent before, and no other', async () => {
    const clock = new FakeClock();
    const wakeSignal = new WakeSignal(clock);
    let isOver = false;
    wakeSignal.send();

    await wakeSignal.wait(never);
    void wakeSignal.wait(never, 1_000).then(() => (isOver = true));
    await clock.advance(999);

    expect(isOver).toBe(false);
  });

  it('ends a pending wait', async () => {
    const wakeSignal = new WakeSignal(new FakeClock());
    const waiting = wakeSignal.wait(never);

    wakeSignal.send();

    await expect(waiting).resolves.toBeUndefined();
  });

  it('ends after the timeout and not before', async () => {
    const clock = new FakeClock();
    let isOver = false;
    void new WakeSignal(clock).wait(never, 1_000).then(() => (isOver = true));

    await clock.advance(999);
    expect(isOver).toBe(false);

    await clock.advance(1);
    expect(isOver).toBe(true);
  });

  it('ends the wait when the signal aborts', async () => {
    const stopping = new AbortController();
    const waiting = new WakeSignal(new FakeClock()).wait(stopping.signal);

    stopping.abort();

    await expect(waiting).resolves.toBeUndefined();
  });
});
