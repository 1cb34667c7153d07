import type { TestQueue } from '@nestjs-asynq/core/testing';
import { describe, expect, it } from 'vitest';
import { Hearing } from './hearing.js';

/** What every broker promises about pausing a queue. */
export function describePausing(backend: string, openQueue: () => TestQueue): void {
  describe(`pausing on ${backend}`, () => {
    it('stops fetching, leaves the tasks where they are, and says so', async () => {
      await using q = openQueue();
      await q.seed({ pending: ['waiting'] });
      const before = await q.dump();

      expect(await q.broker.pause(q.name)).toBe(true);
      const reply = await q.broker.fetch(q.name, 10, 30_000);

      expect(reply).toEqual({ tasks: [], isPaused: true, remaining: 0 });
      expect(await q.broker.waitingCount(q.name)).toBe(0);
      expect(await q.dump()).toEqual({ ...before, pausedAtS: q.clock.nowMs() / 1000 });
    });

    it('lets tasks in and out in every other way while it is paused', async () => {
      await using q = openQueue();
      await q.seed({ active: ['running'], scheduled: { due: 1 } });
      await q.broker.pause(q.name);
      await q.clock.advance('1s');

      await q.broker.enqueue([{ message: q.message('new') }]);
      await q.broker.forwardDue(q.name, 10);
      const settlement = {
        message: q.message('running'),
        claim: q.claim('running'),
        outcome: { kind: 'done' },
      } as const;
      const replies = await q.broker.settle(q.name, [settlement]);

      expect(replies).toEqual(['settled']);
      expect(await q.dump()).toMatchObject({ nextUp: ['new', 'due'], active: [], processed: { total: 1 } });
    });

    it('does nothing to a queue that is paused already', async () => {
      await using q = openQueue();
      await q.broker.pause(q.name);
      const before = await q.dump();
      await q.clock.advance('1m');

      expect(await q.broker.pause(q.name)).toBe(false);

      expect(await q.dump()).toEqual(before);
    });

    it('fetches again after unpausing, and wakes those who listen', async () => {
      await using q = openQueue();
      const ears = new Hearing<void>();
      await q.broker.onNudge(q.name, () => ears.listener());
      await q.seed({ pending: ['waiting'] });
      await q.broker.pause(q.name);

      const answers = [await q.broker.unpause(q.name), await q.broker.unpause(q.name)];
      await ears.times(1);
      const { tasks } = await q.broker.fetch(q.name, 10, 30_000);

      expect(answers).toEqual([true, false]);
      expect(tasks.map(({ message }) => message.id)).toEqual(['waiting']);
      expect(await q.dump()).not.toHaveProperty('pausedAtS');
    });
  });
}
