import { describe, expect, it } from 'vitest';
import type { TestQueue } from '../support/test-queue.js';
import { CallRecorder } from './call-recorder.js';

/** The contract of every broker for pausing a queue. */
export function describePausing(backend: string, openQueue: () => TestQueue): void {
  describe(`pausing on ${backend}`, () => {
    it('stops fetching, keeps the tasks in place, and reports the pause', async () => {
      await using q = openQueue();
      await q.seed({ pending: ['waiting'] });
      const before = await q.dump();

      expect(await q.broker.pause(q.name)).toBe(true);
      const reply = await q.broker.fetch(q.name, 10, 30_000);

      expect(reply).toEqual({ tasks: [], isPaused: true, remaining: 0 });
      expect(await q.broker.waitingQueues([q.name])).toEqual([]);
      expect(await q.dump()).toEqual({ ...before, pausedAtS: q.clock.nowMs() / 1000 });
    });

    it('allows every other operation while it is paused', async () => {
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

    it('fetches again after unpausing, and nudges servers', async () => {
      await using q = openQueue();
      const recorder = new CallRecorder<void>();
      await q.broker.onNudge(q.name, () => recorder.listener());
      await q.seed({ pending: ['waiting'] });
      await q.broker.pause(q.name);

      const answers = [await q.broker.unpause(q.name), await q.broker.unpause(q.name)];
      await recorder.times(1);
      const { tasks } = await q.broker.fetch(q.name, 10, 30_000);

      expect(answers).toEqual([true, false]);
      expect(tasks.map(({ message }) => message.id)).toEqual(['waiting']);
      expect(await q.dump()).not.toHaveProperty('pausedAtS');
    });
  });
}
