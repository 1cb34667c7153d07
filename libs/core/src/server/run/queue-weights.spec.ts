import { describe, expect, it } from 'vitest';
import { QueueWeights } from './queue-weights.js';

/** A small seeded generator (mulberry32), so that shares are the same in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const all = (): boolean => true;

describe('QueueWeights', () => {
  it.each([1, 3, 20])('gives 10,000 slots, %d at a time, by weight within 3 points', (slotsAtATime) => {
    const weights = new QueueWeights({ critical: 6, default: 3, low: 1 }, false, seeded(7));
    const given: Record<string, number> = { critical: 0, default: 0, low: 0 };

    for (let slots = 0; slots < 10_000; slots += slotsAtATime) {
      for (const [queue, count] of weights.share(slotsAtATime, all)) given[queue]! += count;
    }

    const total = Object.values(given).reduce((sum, count) => sum + count, 0);
    const points = (queue: string): number => (given[queue]! / total) * 100;
    expect(Math.abs(points('critical') - 60)).toBeLessThan(3);
    expect(Math.abs(points('default') - 30)).toBeLessThan(3);
    expect(Math.abs(points('low') - 10)).toBeLessThan(3);
  });

  it('gives out exactly the slots there are', () => {
    const weights = new QueueWeights({ a: 2, b: 1 }, false, seeded(1));

    const shares = weights.share(7, all);

    expect([...shares.values()].reduce((sum, count) => sum + count, 0)).toBe(7);
  });

  it('leaves out queues that are not served', () => {
    const weights = new QueueWeights({ a: 100, b: 1 }, false, seeded(1));

    expect(weights.share(5, (queue) => queue !== 'a')).toEqual(new Map([['b', 5]]));
    expect(weights.share(5, () => false)).toEqual(new Map());
  });

  it('fills from the top when strict', () => {
    const weights = new QueueWeights({ low: 1, critical: 6, default: 3 }, true, seeded(1));

    expect(weights.share(5, all)).toEqual(new Map([['critical', 5]]));
    expect(weights.share(5, (queue) => queue !== 'critical')).toEqual(new Map([['default', 5]]));
  });

  it('draws some queue even when chance lands on the very edge', () => {
    const weights = new QueueWeights({ a: 0.1 + 0.2, b: 0.3 }, false, () => 1);

    expect(weights.share(1, all).size).toBe(1);
  });
});
