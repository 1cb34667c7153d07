import { describe, expect, it, vi } from 'vitest';
import { joinCalls } from './join-calls.js';

const double = vi.fn<(items: readonly number[]) => Promise<number[]>>(async (items) => items.map((item) => item * 2));

describe('joinCalls', () => {
  it('makes one call of those of one turn, and answers each with its own', async () => {
    double.mockClear();
    const call = joinCalls(double);

    const replies = await Promise.all([call([1, 2]), call([]), call([3])]);

    expect(replies).toEqual([[2, 4], [], [6]]);
    expect(double.mock.calls).toEqual([[[1, 2, 3]]]);
  });

  it('makes another call in the next turn, though the first one has no answer yet', async () => {
    const pending: (() => void)[] = [];
    const call = joinCalls(
      (items: readonly number[]) => new Promise<number[]>((resolve) => pending.push(() => resolve([...items]))),
    );

    const first = call([1]);
    await vi.waitFor(() => expect(pending).toHaveLength(1));
    const second = call([2]);
    await vi.waitFor(() => expect(pending).toHaveLength(2));
    for (const answer of pending.toReversed()) answer();

    expect(await second).toEqual([2]);
    expect(await first).toEqual([1]);
  });

  it('fails every call that was joined', async () => {
    const call = joinCalls<number, number>(() => Promise.reject(new Error('away')));

    const replies = await Promise.allSettled([call([1]), call([2])]);

    expect(replies.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });

  it('does not wait for the timers of a test', async () => {
    vi.useFakeTimers();
    try {
      expect(await joinCalls(double)([4])).toEqual([8]);
    } finally {
      vi.useRealTimers();
    }
  });
});
