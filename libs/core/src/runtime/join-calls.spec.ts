import { describe, expect, it, vi } from 'vitest';
import { joinCalls, joinSettled, type Settle } from './join-calls.js';

const double = vi.fn<(items: readonly number[]) => Promise<number>[]>((items) => items.map(async (item) => item * 2));

describe('joinCalls', () => {
  it('joins the calls of one turn, and returns to each its own outcomes', async () => {
    double.mockClear();
    const call = joinCalls(double);

    const replies = await Promise.all([call([1, 2]), call([]), call([3])]);

    expect(replies).toEqual([[2, 4], [], [6]]);
    expect(double.mock.calls).toEqual([[[1, 2, 3]]]);
  });

  it('resolves a call as soon as its own items are done, independent of others', async () => {
    const call = joinCalls((items: readonly string[]) =>
      items.map((item) => (item === 'slow' ? new Promise<string>(() => undefined) : Promise.resolve(item))),
    );

    const slow = call(['quick', 'slow']);
    const quick = call(['quick']);

    expect(await Promise.race([slow, quick])).toEqual(['quick']);
  });

  it('makes another call in the next turn, although the first one is still pending', async () => {
    const pending: (() => void)[] = [];
    const call = joinCalls((items: readonly number[]) =>
      items.map((item) => new Promise<number>((resolve) => pending.push(() => resolve(item)))),
    );

    const first = call([1]);
    await expect.poll(() => pending).toHaveLength(1);
    const second = call([2]);
    await expect.poll(() => pending).toHaveLength(2);
    for (const answer of pending.toReversed()) answer();

    expect(await second).toEqual([2]);
    expect(await first).toEqual([1]);
  });

  it('fails the calls whose items fail, and no others', async () => {
    const call = joinCalls<number, number>((items) =>
      items.map((item) => (item === 2 ? Promise.reject(new Error('away')) : Promise.resolve(item))),
    );

    const replies = await Promise.allSettled([call([1]), call([2, 3]), call([3])]);

    expect(replies.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  it('fails every joined call when the whole run fails', async () => {
    const call = joinCalls<number, number>(() => {
      throw new Error('no clock');
    });

    const replies = await Promise.allSettled([call([1]), call([2])]);

    expect(replies.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });

  it('is independent of fake timers', async () => {
    vi.useFakeTimers();
    try {
      expect(await joinCalls(double)([4])).toEqual([8]);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('joinSettled with a number of items that are enough', () => {
  /** What leaves is settled by the test. */
  function prepare(enough = 100) {
    const left: { items: readonly number[]; settle: Settle<number> }[] = [];
    const call = joinSettled<number, number>((items, settle) => void left.push({ items, settle }), enough);
    const items = (): (readonly number[])[] => left.map((one) => one.items);
    return { left, call, items };
  }
  const endOfMicrotasks = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));
  const endOfTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  it('lets a lone call leave with those that are made in the same microtasks', async () => {
    const { call, items } = prepare();
    void call([1]);
    await Promise.resolve();
    void call([2]);

    await endOfMicrotasks();

    expect(items()).toEqual([[1, 2]]);
  });

  it('is independent of fake timers', async () => {
    const nextTick = vi.spyOn(process, 'nextTick').mockReturnValue();
    const { call, items } = prepare();

    void call([1]);
    await Promise.resolve(); // ticks come before
    nextTick.mockRestore();
    await endOfTurn();

    expect(items()).toEqual([[1]]);
  });

  it('joins the calls of a turn while one is pending, and is eager again when it has ended', async () => {
    const { call, items, left } = prepare();
    const first = call([1]);
    await endOfMicrotasks();
    const others = [call([2]), call([3])];
    await endOfMicrotasks();
    expect(items()).toEqual([[1]]);
    await endOfTurn();
    expect(items()).toEqual([[1], [2, 3]]);

    left[0]!.settle.resolve(0, 10);
    left[1]!.settle.resolve(0, 20);
    left[1]!.settle.resolve(1, 30);
    expect(await Promise.all([first, ...others])).toEqual([[10], [20], [30]]);
    void call([4]);
    await endOfMicrotasks();

    expect(items()).toEqual([[1], [2, 3], [4]]);
  });

  it('lets as many items as are enough leave at once, and the rest at the end', async () => {
    const { call, items } = prepare(3);

    for (const item of [1, 2, 3, 4]) void call([item]);
    void call([5, 6, 7]);
    const atOnce = items();
    void call([8]);
    await endOfTurn();

    expect(atOnce).toEqual([
      [1, 2, 3],
      [4, 5, 6, 7],
    ]);
    expect(items()).toEqual([...atOnce, [8]]);
  });

  it('lets half of the calls that were under way leave before the others are made', async () => {
    const { call, items, left } = prepare();
    const first = [1, 2, 3, 4, 5, 6, 7, 8].map((item) => call([item]));
    await endOfTurn();
    for (const at of first.keys()) left[0]!.settle.resolve(at, at);
    await Promise.all(first);

    for (const item of [1, 2, 3, 4, 5, 6]) void call([item]);
    const atOnce = items().slice(1);
    await endOfTurn();

    expect(atOnce).toEqual([[1, 2, 3, 4]]);
    expect(items().slice(1)).toEqual([
      [1, 2, 3, 4],
      [5, 6],
    ]);
  });

  it('lets few calls wait for each other', async () => {
    const { call, items, left } = prepare();
    const first = [1, 2, 3, 4, 5, 6, 7].map((item) => call([item]));
    await endOfTurn();
    for (const at of first.keys()) left[0]!.settle.resolve(at, at);
    await Promise.all(first);

    for (const item of [1, 2, 3, 4, 5, 6, 7]) void call([item]);
    await endOfTurn();

    expect(items()).toEqual([
      [1, 2, 3, 4, 5, 6, 7],
      [1, 2, 3, 4, 5, 6, 7],
    ]);
  });

  it('is eager again after a call of which several items have failed', async () => {
    const { call, items, left } = prepare();
    const failing = call([1, 2, 3]);
    await endOfMicrotasks();
    left[0]!.settle.reject(0, new Error('away'));
    left[0]!.settle.reject(1, new Error('away'));
    left[0]!.settle.resolve(2, 3);
    await expect(failing).rejects.toThrow('away');

    void call([4]);
    await endOfMicrotasks();
    void call([5]);
    await endOfMicrotasks();

    expect(items()).toEqual([[1, 2, 3], [4]]);
  });
});
