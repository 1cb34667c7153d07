import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SortedSet } from './sorted-set.js';

describe('SortedSet', () => {
  it('orders by score, then by the bytes of the id', () => {
    const set = new SortedSet();
    for (const id of ['z', '\u{1F600}', '\uFFFD', 'é', 'Z']) set.set(id, 7);
    set.set('first', 1);

    expect(set.slice(0, 10)).toEqual(['first', 'Z', 'z', 'é', '\uFFFD', '\u{1F600}']);
  });

  it('agrees with a plain sorted array under any sequence of changes', () => {
    const ids = fc.integer({ min: 0, max: 2_000 }).map(String);
    const change = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({ id: ids, score: fc.option(fc.integer({ min: 0, max: 50 }), { nil: undefined }) }),
      },
      { weight: 1, arbitrary: fc.record({ id: ids, score: fc.constant(undefined) }) },
    );
    fc.assert(
      fc.property(fc.array(change, { minLength: 1_500, maxLength: 3_000 }), (changes) => {
        const set = new SortedSet();
        const model = new Map<string, number>();
        for (const { id, score } of changes) {
          if (score === undefined) expect(set.delete(id)).toBe(model.delete(id));
          else {
            set.set(id, score);
            model.set(id, score);
          }
        }
        const sorted = [...model].sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1)).map(([id]) => id);

        expect([...set].map(({ id }) => id)).toEqual(sorted);
        expect(set.size).toBe(sorted.length);
        expect([set.first()?.id, set.last()?.id]).toEqual([sorted[0], sorted.at(-1)]);
        expect(set.slice(700, 600)).toEqual(sorted.slice(700, 1_300));
        expect(set.upTo(20, 900)).toEqual(sorted.filter((id) => model.get(id)! <= 20).slice(0, 900));
      }),
      { numRuns: 20 },
    );
  });
});
