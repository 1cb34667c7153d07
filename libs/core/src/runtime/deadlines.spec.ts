import { describe, expect, it } from 'vitest';
import { FakeClock } from '../testing/fake-clock.js';
import { Deadlines } from './deadlines.js';

function prepare() {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  const passed: string[] = [];
  const add = (name: string, inMs: number) =>
    deadlines.add(clock.monotonicMs() + inMs, { onPassed: () => void passed.push(name) });
  return { clock, deadlines, passed, add };
}

describe('Deadlines', () => {
  it('call back in the order of their times, whatever that of their making', async () => {
    const { clock, passed, add } = prepare();
    for (const [name, inMs] of [
      ['c', 30],
      ['a', 10],
      ['d', 40],
      ['b', 20],
    ] as const)
      add(name, inMs);

    await clock.advance(30);

    expect(passed).toEqual(['a', 'b', 'c']);
  });

  it('do not call back once removed: the first, the last, and one in between', async () => {
    const { clock, deadlines, passed, add } = prepare();
    const [first, , middle, , last] = ['a', 'b', 'c', 'd', 'e'].map((name, nth) => add(name, 10 * (nth + 1)));
    for (const deadline of [middle!, first!, last!, first!]) deadlines.remove(deadline);

    await clock.advance(100);

    expect(passed).toEqual(['b', 'd']);
  });

  it('go on after all have passed or were removed', async () => {
    const { clock, deadlines, passed, add } = prepare();
    deadlines.remove(add('removed', 10));
    await clock.advance(5);
    add('later', 50);
    await clock.advance(50);

    add('last', 10);
    await clock.advance(10);

    expect(passed).toEqual(['later', 'last']);
  });

  it('may be added again when they call back', async () => {
    const { clock, deadlines, passed, add } = prepare();
    deadlines.add(clock.monotonicMs() + 10, { onPassed: () => void add('again', 10) });

    await clock.advance(20);

    expect(passed).toEqual(['again']);
  });
});
