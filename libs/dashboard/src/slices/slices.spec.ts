import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { jsonInSlices } from './json-in-slices.js';
import { sortInSlices } from './sort-in-slices.js';
import { TurnWatch } from './turn-watch.fixture.js';
import { WorkSlices } from './work-slices.js';

describe('work in slices', () => {
  afterEach(() => vi.restoreAllMocks());

  it('takes a turn of the event loop for each slice', async () => {
    const watch = await TurnWatch.during(async (turns) => {
      const slices = new WorkSlices(100);
      for (let i = 0; i < 1_000; i++) {
        await slices.take();
        turns.note();
      }
    });

    expect(watch).toMatchObject({ most: 100, total: 1_000 });
  });

  it('takes turns with other work: one slice in a turn, however many ask', async () => {
    const watch = await TurnWatch.during(async (one) => {
      const work = async (): Promise<void> => {
        const slices = new WorkSlices(100);
        await slices.take(100);
        for (let i = 0; i < 300; i++) {
          await slices.take();
          one.note();
        }
      };
      await Promise.all(Array.from({ length: 10 }, work));
    });

    expect(watch).toMatchObject({ most: 100, total: 3_000 });
  });

  it('ends a turn early when its pieces take long, as in a process that has just begun', async () => {
    await new Promise((resolve) => setImmediate(resolve)); // the turn of the last test
    let nowMs = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
    const watch = await TurnWatch.during(async (turns) => {
      const slices = new WorkSlices(100);
      for (let i = 0; i < 30; i++) {
        await slices.take();
        turns.note();
        nowMs += 1;
      }
    });

    expect(watch).toMatchObject({ most: 3, total: 30 });
  });
});

describe('sorting in slices', () => {
  it('sorts as toSorted does, equal items in their order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.record({ key: fc.nat(5), id: fc.nat() }), { maxLength: 900 }), async (items) => {
        const compare = (a: { key: number }, b: { key: number }): number => a.key - b.key;

        expect(await sortInSlices(items, compare, new WorkSlices())).toEqual(items.toSorted(compare));
      }),
      { numRuns: 30 },
    );
  });

  it('compares few items in a turn', async () => {
    const numbers = Array.from({ length: 10_000 }, (_, i) => (i * 7_919) % 10_007);
    const watch = await TurnWatch.during(async (turns) => {
      const compare = (a: number, b: number): number => {
        turns.note();
        return a - b;
      };
      await sortInSlices(numbers, compare, new WorkSlices());
    });

    expect(watch.total).toBeGreaterThan(50_000);
    expect(watch.most).toBeLessThan(5_000);
  });
});

describe('JSON in slices', () => {
  it('is that of JSON.stringify', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (plain) => {
        expect(await jsonInSlices({ plain, none: undefined })).toBe(JSON.stringify({ plain, none: undefined }));
      }),
      { numRuns: 100 },
    );
  });

  it.each([
    ['text with pairs of surrogates at the seams', `a${'😀'.repeat(100_000)}`],
    ['text with pairs at the other seams', '😀'.repeat(100_000)],
    ['text with halves of pairs', '\ud800'.repeat(100_000)],
    ['text that must be escaped', '"\\\n\u0000'.repeat(50_000)],
    ['a list of long texts', ['x'.repeat(100_000), 1, 'y']],
    ['undefined in a list', [undefined, {}, []]],
  ])('is that of JSON.stringify for %s', async (_what, value) => {
    expect(await jsonInSlices({ value })).toBe(JSON.stringify({ value }));
  });

  it('has dates and other values with a JSON of their own', async () => {
    const rows = Array.from({ length: 20_000 }, (_, ms) => ({ at: new Date(ms), in: [new URL(`http://a/${ms}`)] }));

    expect(await jsonInSlices({ rows })).toBe(JSON.stringify({ rows }));
  });

  it('is written by JSON.stringify as far as it is short', async () => {
    const stringify = vi.spyOn(JSON, 'stringify');
    const rows = Array.from({ length: 200 }, (_, nth) => ({ nth, content: { text: 'x'.repeat(200), list: [nth] } }));
    await jsonInSlices({ rows, total: 200, more: { a: 1, b: [{ c: 2 }] } });
    const calls = stringify.mock.calls.length;
    stringify.mockRestore();

    expect(calls).toBeLessThan(220);
  });

  it('is written in as many turns as it is long', async () => {
    let turns = 0;
    let next = setImmediate(function turn() {
      turns += 1;
      next = setImmediate(turn);
    });
    await jsonInSlices({
      payload: 'x'.repeat(2_000_000),
      rows: Array.from({ length: 500 }, () => ['y'.repeat(4_000)]),
    });
    clearImmediate(next);

    expect(turns).toBeGreaterThan(25);
  });
});
