import { describe, expect, it } from 'vitest';
import type { TestQueue } from '../support/test-queue.js';
import { CallRecorder } from './call-recorder.js';
import { NOTHING } from './nothing.js';

/** The contract of every broker for requests to cancel a running task. */
export function describeCancelRequests(backend: string, openQueue: () => TestQueue): void {
  describe(`cancel requests on ${backend}`, () => {
    it('stores a cancel request for a running task and notifies its server; the last one wins', async () => {
      await using q = openQueue();
      await q.seed({ active: ['mine'] });
      const before = await q.dump();
      const canceled = new CallRecorder<string>();
      await q.broker.onCancel((id) => id === 'mine' && canceled.listener(id));

      await q.broker.requestCancel(q.name, 'mine', 'retry');
      const isWritten = await q.broker.requestCancel(q.name, 'mine', 'delete');

      await canceled.times(2);
      expect(isWritten).toBe(true);
      expect(await q.broker.requestedOutcome(q.name, 'mine')).toBe('delete');
      expect(await q.dump()).toEqual({
        ...before,
        tasks: { mine: { ...before.tasks['mine'], cancelThen: 'delete 0 0' } },
      });
    });

    it('writes nothing for a task that is not running', async () => {
      await using q = openQueue();
      await q.seed({ pending: ['waits'] });
      const before = await q.dump();

      const written = await Promise.all(['waits', 'gone'].map((id) => q.broker.requestCancel(q.name, id, 'delete')));

      expect(written).toEqual([false, false]);
      expect(await q.broker.requestedOutcome(q.name, 'waits')).toBeUndefined();
      expect(await q.dump()).toEqual(before);
    });

    it('reports the request only to the server of the task, when it extends the lease', async () => {
      await using q = openQueue();
      await q.seed({ active: ['mine', 'calm', 'reclaimed'] });
      await q.reclaimLease('reclaimed');
      await q.broker.requestCancel(q.name, 'mine', 'archive');
      await q.broker.requestCancel(q.name, 'reclaimed', 'archive');
      const claims = ['mine', 'calm', 'reclaimed'].map((id) => q.claim(id));

      const reply = await q.broker.extendLeases(q.name, claims, claims[0]!.expiriesS[0]! + 5);

      expect(reply).toEqual({ lost: ['reclaimed'], cancelRequests: [{ id: 'mine', outcome: 'archive' }] });
    });

    it.each([
      { kind: 'complete' },
      { kind: 'archive', error: 'boom' },
      { kind: 'retry', retryAtMs: 4_102_438_400_000, error: 'boom', isFailure: true },
      { kind: 'retry', retryAtMs: 4_102_438_400_000, error: 'unknown type', isFailure: false, unknownTypeSinceMs: 1 },
    ] as const)('drops the request when the attempt has ended: $kind', async (outcome) => {
      await using q = openQueue();
      await q.seed({ active: ['mine'] });
      await q.broker.requestCancel(q.name, 'mine', 'delete');

      await q.broker.settle(q.name, [{ message: q.message('mine'), claim: q.claim('mine'), outcome }]);

      expect(await q.broker.requestedOutcome(q.name, 'mine')).toBeUndefined();
    });

    it.each(['retry', 'archive', 'delete'] as const)(
      'does not return a task with a request to its queue, and names the outcome: %s',
      async (outcome) => {
        await using q = openQueue();
        await q.seed({ active: ['c', 'canceled', 'a'] });
        await q.broker.requestCancel(q.name, 'canceled', outcome);
        const before = await q.dump();
        const ids = ['a', 'canceled', 'c'];

        const replies = await q.broker.settle(
          q.name,
          ids.map((id) => ({ message: q.message(id), claim: q.claim(id), outcome: { kind: 'requeue' } })),
        );

        expect(replies).toEqual(['settled', outcome, 'settled']);
        expect(await q.dump()).toMatchObject({
          nextUp: ['a', 'c'],
          active: ['canceled'],
          leases: { canceled: before.leases['canceled'] },
          tasks: { canceled: before.tasks['canceled'] },
        });
        expect(await q.broker.requeue(q.name, [q.claim('canceled')])).toEqual([outcome]);
      },
    );

    it.each([
      ['unknown', 'mine', 'pardon 0 0', 'settled'],
      ['for a task that is no longer ours', 'reclaimed', 'delete 0 0', 'leaseLost'],
    ])('ignores a request that is %s when the task returns to its queue', async (_, id, cancelThen, reply) => {
      await using q = openQueue();
      await q.seed({ active: ['mine', 'reclaimed'] });
      await q.reclaimLease('reclaimed');
      await q.inject({ tasks: { [id]: { cancelThen } } });

      expect(await q.broker.requeue(q.name, [q.claim(id)])).toEqual([reply]);
    });

    it('drops a request that outlived its attempt', async () => {
      await using q = openQueue();
      await q.seed({ pending: ['left behind'] });
      await q.inject({ tasks: { 'left behind': { cancelThen: 'delete' } } });

      await q.broker.fetch(q.name, 1, 30_000);

      expect(await q.broker.requestedOutcome(q.name, 'left behind')).toBeUndefined();
    });

    describe('when the worker died', () => {
      const options = { graceMs: 0, maxCrashes: 1, limit: 10 };
      const error = 'asynq: task lease expired';
      const uniqueKey = (q: TestQueue): string => `asynq:{${q.name}}:unique:test:task:1`;
      const dieWith = async (
        q: TestQueue,
        outcome: Parameters<TestQueue['broker']['requestCancel']>[2],
        retried = 1,
      ) => {
        await q.seed({ active: ['mine'], messages: { mine: { retried, maxRetry: 3, uniqueKey: uniqueKey(q) } } });
        await q.broker.requestCancel(q.name, 'mine', outcome);
        await q.clock.advance('1m');
      };

      it('archives the task, and counts a failure', async () => {
        await using q = openQueue();
        await dieWith(q, 'archive');
        const ended = new CallRecorder<string>();
        await q.broker.onTaskEnded(q.name, (id, ending) => ended.listener(`${id} ${ending}`));
        await q.broker.awaitTask(q.name, 'mine');

        const { recovered } = await q.broker.recoverExpired(q.name, options);

        await ended.times(1);
        expect(ended.calls).toEqual(['mine archived']);
        expect(recovered).toMatchObject([{ message: { id: 'mine' }, crashes: 1, outcome: 'archived' }]);
        const dump = await q.dump();
        expect(dump).toMatchObject({
          nextUp: [],
          active: [],
          leases: NOTHING,
          archived: { mine: q.clock.nowMs() / 1000 },
          failed: { total: 1 },
        });
        expect(dump.tasks['mine']).toMatchObject({ state: 'archived', message: { errorMsg: error, retried: 1 } });
        expect(dump.tasks['mine']).not.toHaveProperty('cancelThen');
      });

      it('deletes the task with its lock', async () => {
        await using q = openQueue();
        await dieWith(q, 'delete');

        const { recovered } = await q.broker.recoverExpired(q.name, options);

        expect(recovered).toMatchObject([{ message: { id: 'mine' }, outcome: 'deleted' }]);
        expect(await q.dump()).toMatchObject({
          nextUp: [],
          active: [],
          leases: NOTHING,
          tasks: NOTHING,
          locks: NOTHING,
          processed: { total: 1 },
          failed: { total: 0 },
        });
      });

      it.each([
        [1, 'retried', { retry: { mine: expect.any(Number) }, archived: NOTHING }, 2],
        [3, 'archived', { retry: NOTHING, archived: { mine: expect.any(Number) } }, 3],
      ])('retries the task after %i failures, up to its limit', async (failures, outcome, places, retried) => {
        await using q = openQueue();
        await dieWith(q, 'retry', failures);

        const { recovered } = await q.broker.recoverExpired(q.name, options);

        expect(recovered).toMatchObject([{ outcome, message: { retried } }]);
        const dump = await q.dump();
        expect(dump).toMatchObject({ nextUp: [], active: [], leases: NOTHING, ...places, failed: { total: 1 } });
        expect(dump.tasks['mine']).toMatchObject({ state: outcome === 'retried' ? 'retry' : 'archived' });
        expect(dump.tasks['mine']).not.toHaveProperty('cancelThen');
        if (outcome === 'retried') expect(dump.tasks['mine']?.dueAtMs).toBe(q.clock.nowMs() + 16_000); // 1⁴ + 15 s
      });

      it.each(['archive 0 0', 'archive 2 0', 'archive 1 5', 'pardon 1 0', 'archive 1', 'archive'])(
        'requeues a task when the request is for another attempt or unknown, and drops the request: %s',
        async (cancelThen) => {
          await using q = openQueue();
          await dieWith(q, 'archive');
          await q.inject({ tasks: { mine: { cancelThen } } });

          const { recovered } = await q.broker.recoverExpired(q.name, options);

          expect(recovered).toMatchObject([{ crashes: 1, outcome: 'requeued' }]);
          const dump = await q.dump();
          expect(dump).toMatchObject({ nextUp: ['mine'], active: [], archived: NOTHING });
          expect(dump.tasks['mine']).not.toHaveProperty('cancelThen');
        },
      );
    });
  });
}
