import { describe, expect, it } from 'vitest';
import type { ListOps } from '../broker/contract/lists.js';
import type { MoveOps } from '../broker/contract/moves.js';
import { BulkMover } from './bulk-mover.js';

type Call = [near: string | undefined, count: number, first: string];

/** A list of a given size, which records the calls that move its entries. */
function listOf(size: number) {
  const calls: Call[] = [];
  const broker: Pick<ListOps & MoveOps, 'listSize' | 'moveTasks'> = {
    listSize: async () => size,
    moveTasks: async (_queue, _list, ids, _to, options) => {
      calls.push([options?.near, ids.length, ids[0]!]);
      return ids.map(() => true);
    },
  };
  return { calls, mover: new BulkMover(broker as ListOps & MoveOps) };
}

const at = (...depths: number[]) => depths.map((depth) => ({ id: `t${depth}`, stamp: '7', depth }));

describe('moving tasks that were found', () => {
  it('starts at the nearer end of a Redis list, with the tasks nearest to it', async () => {
    const { calls, mover } = listOf(1_000);

    const moved = await mover.moveMatched('q', { state: 'pending' }, at(1, 499, 600, 999), 'deleted', {});

    expect(moved).toBe(4);
    expect(calls).toEqual([
      ['newest', 2, 't1'],
      ['oldest', 2, 't999'],
    ]);
  });

  it('limits how far one call walks through a Redis list', async () => {
    const { calls, mover } = listOf(1_000_000);
    const tasks = at(1, 2, 100_000, 140_000, 260_000, 400_000, 999_998, 999_999);

    await mover.moveMatched('q', { state: 'pending' }, tasks, 'archived', {});

    expect(calls).toEqual([
      ['newest', 4, 't1'],
      ['newest', 1, 't260000'],
      ['newest', 1, 't400000'],
      ['oldest', 2, 't999999'],
    ]);
  });

  it('takes 250 tasks per step out of a sorted set, and reports each step', async () => {
    const { calls, mover } = listOf(1_000_000);
    const tasks = at(...Array.from({ length: 300 }, (_, i) => 900_000 + i));
    const steps: number[] = [];

    await mover.moveMatched('q', { state: 'retry' }, tasks, 'deleted', { onProgress: ({ done }) => steps.push(done) });

    expect(calls.map(([, count]) => count)).toEqual([250, 50]);
    expect(steps).toEqual([250, 300]);
  });
});
