import { describe, expect, it } from 'vitest';
import type { TestQueue } from '../support/test-queue.js';
import { NOTHING } from './nothing.js';

/** The contract of every broker for removing a queue. */
export function describeRemoving(backend: string, openQueue: () => TestQueue): void {
  describe(`removing on ${backend}`, () => {
    it.each(['pending', 'active', 'scheduled', 'retry', 'archived'])(
      'keeps a queue that has %s tasks',
      async (state) => {
        await using q = openQueue();
        const isRow = state === 'pending' || state === 'active';
        await q.seed({ [state]: isRow ? ['t'] : { t: '1h' } });
        const before = await q.dump();

        expect(await q.broker.removeQueue(q.name)).toBe(false);

        expect(await q.dump()).toEqual(before);
      },
    );

    it('removes the name and the sets of an empty queue, and keeps what asynq keeps', async () => {
      await using q = openQueue();
      await q.broker.enqueue([{ message: q.message('t') }]);
      await q.broker.moveTasks(q.name, { state: 'pending' }, ['t'], 'deleted');
      await q.seed({ completed: { done: '1h' } });
      await q.inject({ leases: { forgotten: 1 } });
      await q.broker.pause(q.name);

      expect(await q.broker.removeQueue(q.name)).toBe(true);

      const dump = await q.dump();
      expect(dump).toMatchObject({ isAnnounced: false, leases: NOTHING, pausedAtS: q.clock.nowMs() / 1000 });
      expect(Object.keys(dump.completed)).toEqual(['done']);
    });

    it('purges a queue of every key, and no other queue', async () => {
      await using other = openQueue();
      await using q = openQueue();
      const empty = await q.dump();
      await other.seed({ pending: ['stays'] });
      await q.broker.enqueue([
        { message: q.message('p', { uniqueKey: `asynq:{${q.name}}:unique:a:` }), uniqueTtlS: 60 },
      ]);
      await q.seed({ active: ['a'], scheduled: { s: 1 }, retry: { r: 1 }, archived: { x: 1 }, completed: { c: 1 } });
      await q.inject({ tasks: { r: { group: 'digest' } } });
      await q.clock.advance('1s');
      await q.broker.forwardDue(q.name, 10);
      await q.broker.pause(q.name);

      expect(await q.broker.purgeQueue(q.name)).toBeGreaterThan(5);

      expect(await q.dump()).toEqual(empty);
      expect((await other.dump()).nextUp).toEqual(['stays']);
    });

    it('treats a name literally, not as a pattern', async () => {
      await using q = openQueue();
      const [pattern, other] = [`${q.name}[a]*?\\`, `${q.name}a-and-more`];
      for (const queue of [pattern, other]) await q.broker.enqueue([{ message: q.message('t', { queue }) }]);

      await q.broker.purgeQueue(pattern);

      expect(await q.broker.findTask(pattern, 't')).toBeUndefined();
      expect(await q.broker.findTask(other, 't')).toMatchObject({ state: 'pending' });
      expect(await q.broker.purgeQueue(other)).toBeGreaterThan(0);
    });

    it('still wakes watches of a purged queue', async () => {
      await using q = openQueue();
      const watch = await q.broker.openWatch(q.name);
      const woken = watch!.peek(10_000);

      await q.broker.purgeQueue(q.name);
      await q.broker.enqueue([{ message: q.message('new') }]);

      expect(await woken).toBe(true);
      expect(await watch!.peek(10_000)).toBe(true);
    });
  });
}
