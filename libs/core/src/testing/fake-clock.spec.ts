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
