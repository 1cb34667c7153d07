import { describe, expect, it } from 'vitest';
import { ratesOf, Ring } from './ring.js';

describe('a ring of figures', () => {
  it('keeps the last value of each step, and knows nothing of the steps between', () => {
    const ring = new Ring(['a'], 10, 5);
    ring.put(101, { a: 1 });
    ring.put(109, { a: 2 });
    ring.put(131, { a: 4 });

    expect(ring.read('a', 139, 5)).toEqual([null, 2, null, null, 4]);
  });

  it('forgets what is older than its slots', () => {
    const ring = new Ring(['a'], 10, 3);
    ring.put(100, { a: 1 });
    ring.put(110, { a: 2 });
    ring.put(500, { a: 3 });

    expect(ring.read('a', 500, 5)).toEqual([null, null, null, null, 3]);
    expect(ring.read('a', 119, 2)).toEqual([null, null]);
  });

  it('outlives a clock that is set back', () => {
    const ring = new Ring(['a'], 10, 3);
    ring.put(500, { a: 3 });
    ring.put(100, { a: 1 });
    ring.put(490, { a: 2 });

    expect(ring.read('a', 500, 3)).toEqual([null, 2, 3]);
  });

  it('tells how much a total grew between the values that it has', () => {
    const ring = new Ring(['a'], 10, 5);
    const before = ring.growth('a', 139, 5);
    ring.put(101, { a: 1 });
    const first = ring.growth('a', 139, 5);
    ring.put(121, { a: 4 });

    expect([before, first]).toEqual([undefined, undefined]);
    expect(ring.growth('a', 139, 5)).toEqual({ by: 3, elapsedMs: 20 });
    expect(ring.growth('a', 139, 3)).toBeUndefined();
    ring.put(131, { a: 0 }); // reset
    expect(ring.growth('a', 139, 5)).toEqual({ by: 0, elapsedMs: 30 });
  });
});

it('rates are those since the last reading; a total that shrinks was reset', () => {
  expect(ratesOf([10, 20, null, 50, 5, 15], 1_000)).toEqual([null, 10, null, 15, null, 10]);
});
