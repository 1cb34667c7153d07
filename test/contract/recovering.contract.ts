import type { TestQueue } from '@nestjs-asynq/core/testing';
import { describe, expect, it } from 'vitest';
import { NOTHING } from './nothing.js';

const options = { graceMs: 2_000, maxCrashes: 2, limit: 100 };

/** What every broker promises about tasks whose worker vanished, and about queues that others left broken. */
export function describeRecovering(backend: string, openQueue: () => TestQueue): void {
  describe(`recovering on ${backend}`, () => {
    it('gives a task back once its lease ended and the grace passed, ahead of those that wait', async () => {
      await using q = openQueue();
      const uniqueKey = `asynq:{${q.name}}:unique:test:task:1`;
      await q.seed({ pending: ['waiting'], active: ['lost'], messages: { lost: { retried: 1, uniqueKey } } });
      const before = await q.dump();
      const expiresAtMs = before.leases['lost']! * 1000;
      await q.clock.advance(expiresAtMs + options.graceMs - q.clock.nowMs() - 1);

      const early = await q.broker.recoverExpired(q.name, options);
      await q.clock.advance(1);
      const due = await q.broker.recoverExpired(q.name, options);

      expect(early).toEqual({ recovered: [], nextExpiryAtMs: expiresAtMs + options.graceMs });
      expect(due).toMatchObject({ recovered: [{ message: { id: 'lost' }, crashes: 1, outcome: 'requeued' }] });
      expect(due.nextExpiryAtMs).toBeUndefined();
      const lost = { ...before.tasks['lost'], state: 'pending', pendingSinceNs: q.clock.nowNs(), crashes: '1 1 0' };
      expect(await q.dump()).toEqual({
        ...before,
        nextUp: ['lost', 'waiting'],
        active: [],
        leases: {},
        tasks: { ...before.tasks, lost },
      });
    });

    it.each([4, 2])(
      'order: recovered tasks run in the order in which they were fetched, %d at a time',
      async (limit) => {
        await using q = openQueue();
        await q.seed({ pending: ['b', 'd', 'a', 'c', 'waiting'] });
        await q.broker.fetch(q.name, 2, 30_000);
        await q.clock.advance('1s');
        await q.broker.fetch(q.name, 2, 30_000);
        await q.clock.advance('1m');

        for (let given = 0; given < 4; given += limit) await q.broker.recoverExpired(q.name, { ...options, limit });

        expect(await q.dump()).toMatchObject({ nextUp: ['b', 'd', 'a', 'c', 'waiting'], active: [] });
      },
    );

    it('archives a task that took too many workers down, and counts a failure', async () => {
      await using q = openQueue();
      await q.seed({ active: ['poison'], messages: { poison: { retried: 1 } } });
      await q.inject({ tasks: { poison: { crashes: `${options.maxCrashes} 1 0`, unknownSinceMs: '1 1 0' } } });
      await q.clock.advance('1m');

      const { recovered } = await q.broker.recoverExpired(q.name, options);

      expect(recovered).toMatchObject([{ message: { id: 'poison' }, crashes: 3, outcome: 'archived' }]);
      const nowS = q.clock.nowMs() / 1000;
      const dump = await q.dump();
      expect(dump).toMatchObject({
        nextUp: [],
        active: [],
        leases: NOTHING,
        archived: { poison: nowS },
        processed: { total: 1 },
        failed: { total: 1 },
      });
      expect(dump.tasks['poison']).toMatchObject({
        state: 'archived',
        crashes: `3 1 ${nowS} archived`,
        message: { errorMsg: 'asynq: task lease expired', lastFailedAtS: BigInt(nowS), retried: 1 },
      });
      expect(dump.tasks['poison']).not.toHaveProperty('unknownSinceMs');
    });

    it('counts crashes since the last attempt that ended, be it one of Go, which leaves the count', async () => {
      await using q = openQueue();
      const failed = { retried: 1, lastFailedAtS: 1_600_000_000n };
      await q.seed({ active: ['failed', 'uncounted'], messages: { failed, uncounted: { ...failed, retried: 0 } } });
      await q.inject({ tasks: { failed: { crashes: '2 0 0' }, uncounted: { crashes: '2 0 1500000000' } } });
      const shown = await q.broker.findTask(q.name, 'failed');
      await q.clock.advance('1m');

      const { recovered } = await q.broker.recoverExpired(q.name, options);

      expect(shown!.crashes).toBe(0);
      expect(recovered).toMatchObject([
        { crashes: 1, outcome: 'requeued' },
        { crashes: 1, outcome: 'requeued' },
      ]);
      expect((await q.dump()).tasks['failed']!.crashes).toBe('1 1 1600000000');
    });

    it.each(['by our inspector', "by Go's, which leaves the count"])(
      'gives a poison task all its crashes again when an operator runs it, %s',
      async (by) => {
        await using q = openQueue();
        await q.seed({ active: ['poison'] });
        await q.inject({ tasks: { poison: { crashes: `${options.maxCrashes} 0 0` } } });
        await q.clock.advance('1m');
        await q.broker.recoverExpired(q.name, options);
        const { crashes } = (await q.dump()).tasks['poison']!;
        const archived = await q.broker.findTask(q.name, 'poison');

        await q.broker.moveTasks(q.name, { state: 'archived' }, ['poison'], 'pending');
        if (by !== 'by our inspector') await q.inject({ tasks: { poison: { crashes } } });
        const pending = await q.broker.findTask(q.name, 'poison');
        await q.broker.fetch(q.name, 1, 30_000);
        await q.clock.advance('1m');
        const { recovered } = await q.broker.recoverExpired(q.name, options);

        expect([archived!.crashes, pending!.crashes]).toEqual([3, 0]);
        expect(recovered).toMatchObject([{ crashes: 1, outcome: 'requeued' }]);
      },
    );

    it('forgets the progress of a lost attempt, and that its type was unknown: some server had begun it', async () => {
      await using q = openQueue();
      await q.seed({ active: ['lost'] });
      await q.broker.writeProgress(q.message('lost'), q.claim('lost'), { share: 0.5, atMs: 1 });
      await q.inject({ tasks: { lost: { unknownSinceMs: '1 0 0' } } });
      await q.clock.advance('1m');

      await q.broker.recoverExpired(q.name, options);

      const { lost } = (await q.dump()).tasks;
      expect(lost).not.toHaveProperty('progress');
      expect(lost).not.toHaveProperty('unknownSinceMs');
    });

    it('recovers at most so many at one time, the latest fetched first, so that those before them run first', async () => {
      await using q = openQueue();
      await q.seed({ active: ['b', 'a'] });
      await q.inject({ leases: { a: 100, b: 200 } });

      const { recovered, nextExpiryAtMs } = await q.broker.recoverExpired(q.name, { ...options, limit: 1 });

      expect(recovered.map(({ message }) => message.id)).toEqual(['b']);
      expect(nextExpiryAtMs).toBeLessThanOrEqual(q.clock.nowMs());
      expect(await q.dump()).toMatchObject({ nextUp: ['b'], active: ['a'], leases: { a: 100 } });
    });

    it('recovers more large tasks at one time than one reply may hold', async () => {
      await using q = openQueue();
      const ids = ['e', 'd', 'c', 'b', 'a'];
      const messages = Object.fromEntries(ids.map((id) => [id, { payload: new Uint8Array(600_000) }]));
      await q.seed({ pending: ['waiting'], active: ids, messages });
      await q.clock.advance('1m');

      const { recovered } = await q.broker.recoverExpired(q.name, options);

      expect(recovered.map(({ message }) => message.id).toSorted()).toEqual(ids.toSorted());
      expect((await q.dump()).nextUp).toHaveLength(6);
    });

    it('gives each task back once where two servers take themselves for the leader', async () => {
      await using q = openQueue();
      await q.seed({ active: ['c', 'b', 'a'] });
      await q.clock.advance('1m');

      const both = await Promise.all([
        q.broker.recoverExpired(q.name, options),
        q.broker.recoverExpired(q.name, options),
        q.broker.repair(q.name, 100),
      ]);

      expect(both[0].recovered.length + both[1].recovered.length).toBe(3);
      const { nextUp, active, tasks } = await q.dump();
      expect([nextUp.toSorted(), active]).toEqual([['a', 'b', 'c'], []]);
      expect(Object.values(tasks).map(({ crashes }) => crashes)).toEqual(['1 0 0', '1 0 0', '1 0 0']);
    });

    it('drops an expired id without a message', async () => {
      await using q = openQueue();
      await q.inject({ active: ['gone'], leases: { gone: 1 }, tasks: { gone: { state: 'active' } } });

      const { recovered } = await q.broker.recoverExpired(q.name, options);

      expect(recovered).toEqual([]);
      expect(await q.dump()).toMatchObject({ nextUp: [], active: [], leases: NOTHING, tasks: NOTHING });
    });

    it('brings a task whose message cannot be used to where the next fetch archives it', async () => {
      await using q = openQueue();
      const msg = Uint8Array.from([0xff]);
      await q.inject({ active: ['broken'], leases: { broken: 1 }, tasks: { broken: { msg, state: 'active' } } });

      await q.broker.recoverExpired(q.name, options);
      const { tasks } = await q.broker.fetch(q.name, 1, 30_000);

      expect(tasks).toEqual([]);
      const dump = await q.dump();
      expect(dump).toMatchObject({ nextUp: [], active: [], leases: NOTHING, tasks: { broken: { state: 'archived' } } });
      expect(dump.tasks['broken']).toMatchObject({ rawMsg: msg });
    });

    it('gives an active id without a lease an ended one, so that it is recovered', async () => {
      await using q = openQueue();
      await q.seed({ active: ['leased', 'forgotten'] });
      await q.inject({ leases: { forgotten: undefined } });

      const report = await q.broker.repair(q.name, 100);
      await q.clock.advance(options.graceMs);
      const { recovered } = await q.broker.recoverExpired(q.name, options);

      expect(report).toEqual({ leasesAdded: 1, orphansRemoved: 0 });
      expect(recovered.map(({ message }) => message.id)).toEqual(['forgotten']);
      expect(await q.dump()).toMatchObject({ nextUp: ['forgotten'], active: ['leased'] });
    });

    it('removes ids without a message from every set that nobody would look at', async () => {
      await using q = openQueue();
      await q.seed({
        active: ['a'],
        scheduled: { s: '1h' },
        retry: { r: '1h' },
        archived: { d: '1h' },
        completed: { c: '1h' },
      });
      const before = await q.dump();
      const farS = q.clock.nowMs() / 1000 + 3600;
      await q.inject({
        active: ['x-active'],
        leases: { 'x-active': farS, 'x-lease': farS },
        scheduled: { 'x-scheduled': farS },
        retry: { 'x-retry': farS },
        archived: { 'x-archived': farS },
        completed: { 'x-completed': farS },
        tasks: { 'x-retry': { state: 'retry' } },
      });

      const report = await q.broker.repair(q.name, 100);

      expect(report).toEqual({ leasesAdded: 0, orphansRemoved: 6 });
      expect(await q.dump()).toEqual(before);
    });

    it('leaves an id without a message in the pending list to the fetch that meets it', async () => {
      await using q = openQueue();
      await q.seed({ pending: ['next', 'later'] });
      await q.inject({ nextUp: ['gone'], scheduled: { gone: 1 } });

      const report = await q.broker.repair(q.name, 100);
      const repaired = await q.dump();
      const { tasks } = await q.broker.fetch(q.name, 10, 30_000);

      expect(report).toEqual({ leasesAdded: 0, orphansRemoved: 1 });
      expect([repaired.nextUp, Object.keys(repaired.scheduled)]).toEqual([['next', 'later', 'gone'], []]);
      expect(tasks.map(({ message }) => message.id)).toEqual(['next', 'later']);
      expect((await q.dump()).nextUp).toEqual([]);
    });

    it('comes round to every id when it looks at a few at a time', async () => {
      await using q = openQueue();
      const farS = q.clock.nowMs() / 1000 + 3600;
      await q.seed({ scheduled: { a: '1h', b: '1h', c: '1h', d: '1h' } });
      await q.inject({ scheduled: { gone: farS + 1 } });

      let orphansRemoved = 0;
      for (let round = 0; round < 3; round++) orphansRemoved += (await q.broker.repair(q.name, 2)).orphansRemoved;

      expect(orphansRemoved).toBe(1);
      expect(Object.keys((await q.dump()).scheduled)).toEqual(['a', 'b', 'c', 'd']);
    });

    it('finds nothing to repair in a sound queue', async () => {
      await using q = openQueue();
      await q.seed({ pending: ['p'], active: ['a'], scheduled: { s: '1h' }, archived: { d: '1h' } });
      const before = await q.dump();

      expect(await q.broker.repair(q.name, 100)).toEqual({ leasesAdded: 0, orphansRemoved: 0 });

      expect(await q.dump()).toEqual(before);
    });
  });
}
