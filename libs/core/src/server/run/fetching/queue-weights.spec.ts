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

const share = (weights: QueueWeights, slots: number, isServed: (queue: string) => boolean): Map<string, number> =>
  weights.share(slots, weights.queues.filter(isServed));

describe('QueueWeights', () => {
  it.each([1, 3, 20])('gives 10,000 slots, %d at a time, by weight within 3 points', (slotsAtATime) => {
    const weights = new QueueWeights({ critical: 6, default: 3, low: 1 }, false, seeded(7));
    const given: Record<string, number> = { critical: 0, default: 0, low: 0 };

    for (let slots = 0; slots < 10_000; slots += slotsAtATime) {
      for (const [queue, count] of share(weights, slotsAtATime, all)) given[queue]! += count;
    }

    const total = Object.values(given).reduce((sum, count) => sum + count, 0);
    const points = (queue: string): number => (given[queue]! / total) * 100;
    expect(Math.abs(points('critical') - 60)).toBeLessThan(3);
    expect(Math.abs(points('default') - 30)).toBeLessThan(3);
    expect(Math.abs(points('low') - 10)).toBeLessThan(3);
  });

  it('assigns exactly the available slots', () => {
    const weights = new QueueWeights({ a: 2, b: 1 }, false, seeded(1));

    const shares = share(weights, 7, all);

    expect([...shares.values()].reduce((sum, count) => sum + count, 0)).toBe(7);
  });

  it('leaves out queues that are not served', () => {
    const weights = new QueueWeights({ a: 100, b: 1 }, false, seeded(1));

    expect(share(weights, 5, (queue) => queue !== 'a')).toEqual(new Map([['b', 5]]));
    expect(share(weights, 5, () => false)).toEqual(new Map());
  });

  it('fills from the top when strict', () => {
    const weights = new QueueWeights({ low: 1, critical: 6, default: 3 }, true, seeded(1));

    expect(share(weights, 5, all)).toEqual(new Map([['critical', 5]]));
    expect(share(weights, 5, (queue) => queue !== 'critical')).toEqual(new Map([['default', 5]]));
  });

  it.each([1, 3, 20, 100])(
    'gives a partitioned queue the share of its weight, %d slots at a time, evenly',
    (slotsAtATime) => {
      const weights = new QueueWeights({ email: 3, default: 1 }, false, seeded(7));
      weights.addPartitions('email', ['p0', 'p1', 'p2']);
      const given: Record<string, number> = { email: 0, p0: 0, p1: 0, p2: 0, default: 0 };

      for (let slots = 0; slots < 10_000; slots += slotsAtATime) {
        for (const [queue, count] of share(weights, slotsAtATime, all)) given[queue]! += count;
      }

      const { default: other, ...partitions } = given;
      expect(Math.abs(other! - 2_500)).toBeLessThan(300);
      for (const count of Object.values(partitions)) expect(Math.abs(count - (10_000 - other!) / 4)).toBeLessThan(100);
    },
  );

  it('gives a few slots to one partition, and many to all of them', () => {
    const weights = new QueueWeights({ email: 1 }, true);
    weights.addPartitions('email', ['p0', 'p1', 'p2']);

    expect(share(weights, 5, all)).toEqual(new Map([['email', 5]]));
    expect(share(weights, 5, all)).toEqual(new Map([['p0', 5]]));
    expect([...share(weights, 1_000, all).values()]).toEqual([250, 250, 250, 250]);
  });

  it('serves the rest of a partitioned queue before queues of lower weight when strict', () => {
    const weights = new QueueWeights({ low: 1, email: 2 }, true);
    weights.addPartitions('email', ['p0', 'p1']);

    expect(share(weights, 9, (queue) => queue !== 'email' && queue !== 'p0')).toEqual(new Map([['p1', 9]]));
    expect(share(weights, 9, (queue) => queue === 'low')).toEqual(new Map([['low', 9]]));
  });

  it('names the partitions before the own name of their queue, which gets few tasks', () => {
    const weights = new QueueWeights({ low: 1, email: 3, high: 5 }, false);
    weights.addPartitions('email', ['p0', 'p1']);

    expect(weights.queues).toEqual(['high', 'p0', 'p1', 'low', 'email']);
  });

  it('draws a queue even at the upper edge of the random range', () => {
    const weights = new QueueWeights({ a: 0.1 + 0.2, b: 0.3 }, false, () => 1);

    expect(share(weights, 1, all).size).toBe(1);
  });
});
