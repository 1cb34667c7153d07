import type { TaskEvent } from '@nestjs-asynq/core';
import { describe, expect, it } from 'vitest';
import { TypeTimesKeeper } from './type-times.js';

const NOW_MS = 1_700_000_000_000;

/** Notes one run: enqueued, started `waitMs` later, ended after `runMs`. */
function run(
  keeper: TypeTimesKeeper,
  id: string,
  { type = 't', queue = 'q', waitMs = 10, runMs = 100, atMs = NOW_MS, fails = false } = {},
) {
  const task = { id, type, queue };
  const at = new Date(atMs);
  const startedAt = new Date(atMs + waitMs);
  const end = { ...task, at: new Date(atMs + waitMs + runMs), durationMs: runMs };
  const events: TaskEvent[] = [
    { ...task, kind: 'enqueued', at, state: 'pending', nextProcessAt: at },
    { ...task, kind: 'started', at: startedAt, retried: 0 },
    fails ? { ...end, kind: 'failed', error: new Error('no') } : { ...end, kind: 'succeeded' },
  ];
  for (const event of events) keeper.note(event);
}

const all = () => true;

describe('run and wait times', () => {
  it('are kept by type and queue, busiest first', () => {
    const keeper = new TypeTimesKeeper();
    for (let i = 0; i < 98; i++) run(keeper, `a${i}`, { type: 'fast', runMs: 10, waitMs: 5 });
    run(keeper, 'slow', { type: 'fast', runMs: 5_000, fails: true });
    run(keeper, 'other', { type: 'slow', queue: 'low' });

    const [fast, slow] = keeper.read(NOW_MS + 10_000, all);

    expect(fast).toMatchObject({
      type: 'fast',
      queue: 'q',
      runs: 99,
      failures: 1,
      run: { max: 5_000 },
      wait: { max: 10 },
    });
    expect(fast!.run.p50).toBeGreaterThan(8);
    expect(fast!.run.p50).toBeLessThan(12);
    expect(slow).toMatchObject({ type: 'slow', queue: 'low', runs: 1, failures: 0 });
  });

  it('are forgotten after an hour', () => {
    const keeper = new TypeTimesKeeper();
    run(keeper, 'a');

    expect(keeper.read(NOW_MS + 30 * 60_000, all)).toHaveLength(1);
    expect(keeper.read(NOW_MS + 70 * 60_000, all)).toEqual([]);
  });

  it('of queues that a person may not see are not told', () => {
    const keeper = new TypeTimesKeeper();
    run(keeper, 'a', { queue: 'hidden' });

    expect(keeper.read(NOW_MS, (queue) => queue !== 'hidden')).toEqual([]);
  });

  it('do not grow with types that hold an id', () => {
    const keeper = new TypeTimesKeeper();
    for (let i = 0; i < 1_000; i++) run(keeper, `${i}`, { type: `email:${i}` });

    const types = keeper.read(NOW_MS + 1_000, all);

    expect(types).toHaveLength(201);
    expect(types[0]).toMatchObject({ type: 'other', runs: 800 });
  });

  it('of a wait are unknown without the moment of enqueueing', () => {
    const keeper = new TypeTimesKeeper();
    const task = { id: 'a', type: 't', queue: 'q', at: new Date(NOW_MS) };
    keeper.note({ ...task, kind: 'started', retried: 0 });
    keeper.note({ ...task, kind: 'succeeded', durationMs: 5 });

    expect(keeper.read(NOW_MS, all)).toMatchObject([{ runs: 1, wait: undefined }]);
  });
});
