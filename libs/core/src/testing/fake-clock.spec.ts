import { describe, expect, it } from 'vitest';
import { sleep } from '../runtime/clock.js';
import { FakeClock } from './fake-clock.js';

describe('FakeClock', () => {
  it('stands still until it is advanced', async () => {
    const clock = new FakeClock(5_000);

    await clock.advance('2s');

    expect(clock.nowMs()).toBe(7_000);
    expect(clock.nowNs()).toBe(7_000_000_000n);
  });

  it('fires timers in due order, each at its own time, equal ones in the order they were set', async () => {
    const clock = new FakeClock(0);
    const fired: [string, number][] = [];
    const note = (name: string) => (): unknown => fired.push([name, clock.nowMs()]);
    clock.setTimer(note('late'), 300);
    clock.setTimer(note('early'), 100);
    clock.setTimer(note('early too'), 100);
    clock.setTimer(note('never'), 301);

    await clock.advance(300);

    expect(fired).toEqual([
      ['early', 100],
      ['early too', 100],
      ['late', 300],
    ]);
  });

  it('fires timers that callbacks and their promises set', async () => {
    const clock = new FakeClock(0);
    const wokenAtMs: number[] = [];
    const loop = (async () => {
      for (let round = 0; round < 3; round++) {
        await sleep(clock, 100);
        await new Promise((resolve) => setImmediate(resolve));
        wokenAtMs.push(clock.nowMs());
      }
    })();

    await clock.advance(1_000);
    await loop;

    expect(wokenAtMs).toEqual([100, 200, 300]);
  });

  it('lets a loop of zero delays end', async () => {
    const clock = new FakeClock(0);
    let rounds = 0;
    const again = (): void => {
      rounds += 1;
      clock.setTimer(again, 0);
    };
    again();

    await clock.advance(10);

    expect(rounds).toBe(11);
  });

  it('does not fire a cleared timer', async () => {
    const clock = new FakeClock();
    let hasFired = false;
    const timer = clock.setTimer(() => (hasFired = true), 10);

    clock.clearTimer(timer);
    await clock.advance(10);

    expect(hasFired).toBe(false);
  });

  it('tells whole milliseconds, whatever fraction a timer is due at', async () => {
    const clock = new FakeClock(1_000);
    let firedAtMs: number | undefined;
    clock.setTimer(() => (firedAtMs = clock.nowMs()), 20.4);

    await clock.advance(21);

    expect(firedAtMs).toBe(1_020);
  });

  it('refuses to go back', async () => {
    const clock = new FakeClock();

    await expect(clock.advance(-1)).rejects.toThrow('option "duration" is -1');
  });
});

describe('a FakeClock with upkeep', () => {
  it('fires it once at the end of an advance, however often it was due', async () => {
    const clock = new FakeClock(0);
    const fired: number[] = [];
    const renew = (): void => {
      fired.push(clock.nowMs());
      clock.setTimer(renew, 1_000, 'upkeep');
    };
    renew();

    await clock.advance('1d');
    await clock.advance(500);
    await clock.advance(500);

    expect(fired).toEqual([0, 86_400_000, 86_401_000]);
  });

  it('fires other timers that upkeep made due', async () => {
    const clock = new FakeClock(0);
    const fired: number[] = [];
    clock.setTimer(() => clock.setTimer(() => fired.push(clock.nowMs()), 0), 10, 'upkeep');

    await clock.advance(100);
    expect(fired).toEqual([]);
    await clock.advance(1);

    expect(fired).toEqual([101]);
  });

  it('does not fire upkeep that other upkeep has cleared', async () => {
    const clock = new FakeClock(0);
    let hasFired = false;
    clock.setTimer(() => clock.clearTimer(late), 1, 'upkeep');
    const late = clock.setTimer(() => (hasFired = true), 2, 'upkeep');

    await clock.advance(10);

    expect(hasFired).toBe(false);
  });

  it('looks for what is due after the time of day was set', async () => {
    const clock = new FakeClock(0);
    const lookedAtMs: number[] = [];
    clock.setTimer(() => lookedAtMs.push(clock.monotonicMs()), 60_000, 'due');

    clock.set(60_000);
    await clock.advance(1);

    expect(lookedAtMs).toEqual([0]);
  });
});
