import type { TestQueue } from '@nestjs-asynq/core/testing';
import { describe, expect, it } from 'vitest';
import { Hearing } from './hearing.js';

/** What every broker promises about the wish to cancel a running task. */
export function describeWishing(backend: string, openQueue: () => TestQueue): void {
  describe(`wishing on ${backend}`, () => {
    it('writes a wish beside a running task and tells its server; the last one wins', async () => {
      await using q = openQueue();
      await q.seed({ active: ['mine'] });
      const before = await q.dump();
      const canceled = new Hearing<string>();
      await q.broker.onCancel((id) => id === 'mine' && canceled.listener(id));

      await q.broker.wishCancel(q.name, 'mine', 'retry');
      const isWritten = await q.broker.wishCancel(q.name, 'mine', 'delete');

      await canceled.times(2);
      expect(isWritten).toBe(true);
      expect(await q.broker.cancelWish(q.name, 'mine')).toBe('delete');
      expect(await q.dump()).toEqual({
        ...before,
        tasks: { mine: { ...before.tasks['mine'], cancelThen: 'delete' } },
      });
    });

    it('writes nothing for a task that does not run', async () => {
      await using q = openQueue();
      await q.seed({ pending: ['waits'] });
      const before = await q.dump();

      const written = await Promise.all(['waits', 'gone'].map((id) => q.broker.wishCancel(q.name, id, 'delete')));

      expect(written).toEqual([false, false]);
      expect(await q.broker.cancelWish(q.name, 'waits')).toBeUndefined();
      expect(await q.dump()).toEqual(before);
    });

    it('tells the server of the task when it extends the lease, and nobody else', async () => {
      await using q = openQueue();
      await q.seed({ active: ['mine', 'calm', 'reclaimed'] });
      await q.reclaimLease('reclaimed');
      await q.broker.wishCancel(q.name, 'mine', 'archive');
      await q.broker.wishCancel(q.name, 'reclaimed', 'archive');
      const claims = ['mine', 'calm', 'reclaimed'].map((id) => q.claim(id));

      const reply = await q.broker.extendLeases(q.name, claims, claims[0]!.expiriesS[0]! + 5);

      expect(reply).toEqual({ lost: ['reclaimed'], wishes: [{ id: 'mine', wish: 'archive' }] });
    });

    it.each([
      { kind: 'complete' },
      { kind: 'archive', error: 'boom' },
      { kind: 'retry', retryAtMs: 4_102_438_400_000, error: 'boom', isFailure: true },
    ] as const)('forgets the wish when the attempt has ended: $kind', async (outcome) => {
      await using q = openQueue();
      await q.seed({ active: ['mine'] });
      await q.broker.wishCancel(q.name, 'mine', 'delete');

      await q.broker.settle(q.name, [{ message: q.message('mine'), claim: q.claim('mine'), outcome }]);

      expect(await q.broker.cancelWish(q.name, 'mine')).toBeUndefined();
    });

    it('does not let a wish outlive its attempt, whoever ended that', async () => {
      await using q = openQueue();
      await q.seed({ pending: ['left behind'] });
      await q.inject({ tasks: { 'left behind': { cancelThen: 'delete' } } });

      await q.broker.fetch(q.name, 1, 30_000);

      expect(await q.broker.cancelWish(q.name, 'left behind')).toBeUndefined();
    });
  });
}
