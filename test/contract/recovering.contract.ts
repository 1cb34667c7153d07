import { describe, expect, it } from 'vitest';
import type { TestQueue } from '../support/test-queue.js';
import { NOTHING } from './nothing.js';

const options = { graceMs: 2_000, maxCrashes: 2, limit: 100 };

/** The contract of every broker for lost tasks, and for the repair of broken queues. */
export function describeRecovering(backend: string, openQueue: () => TestQueue): void {
  describe(`recovering on ${backend}`, () => {
    it('requeues a task after its lease and the grace period, ahead of the pending ones', async () => {
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

    it('recovers no lease that ends during the call: whoever was frozen together with the caller extends it first', async () => {
      await using q = openQueue();
      await q.seed({ active: ['frozen'] });
      const before = await q.dump();

      const recovering = q.broker.recoverExpired(q.name, options);
      q.clock.set(q.clock.nowMs() + 60_000);
      const { recovered } = await recovering;

      expect(recovered).toEqual([]);
      expect(await q.dump()).toEqual(before);
    });

    it('recovers no lease that ended since the caller was awake', async () => {
      await using q = openQueue();
      await q.seed({ active: ['frozen'] });
      const before = await q.dump();
      await q.clock.advance('1m');

      const { recovered } = await q.broker.recoverExpired(q.name, { ...options, sinceAwakeMs: () => 60_000 });
      const unchanged = await q.dump();
      const later = await q.broker.recoverExpired(q.name, options);

      expect(recovered).toEqual([]);
      expect(unchanged).toEqual(before);
      expect(later.recovered).toMatchObject([{ message: { id: 'frozen' } }]);
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

    it('archives a task after too many crashes alone, and counts a failure', async () => {
      await using q = openQueue();
      await q.seed({ active: ['poison'], messages: { poison: { retried: 1 } } });
      await q.inject({ tasks: { poison: { crashes: `4:${options.maxCrashes} 1 0`, unknownSinceMs: '1 1 0' } } });
      await q.broker.noteAlone(q.message('poison', { retried: 1 }), q.claim('poison'), true);
      await q.clock.advance('1m');

      const { recovered } = await q.broker.recoverExpired(q.name, options);

      expect(recovered).toMatchObject([{ message: { id: 'poison' }, crashes: 5, outcome: 'archived' }]);
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
        crashes: `5:3 1 ${nowS} archived`,
        message: {
          errorMsg: 'asynq: task lease expired: lost 5 workers, 3 of them with no other task in hand',
          lastFailedAtS: BigInt(nowS),
          retried: 1,
        },
      });
      expect(dump.tasks['poison']).not.toHaveProperty('unknownSinceMs');
      expect(dump.tasks['poison']).not.toHaveProperty('alone');
    });

    it('holds a crash against a task only if that was alone', async () => {
      await using q = openQueue();
      await q.seed({ active: ['alone', 'accompanied', 'stale'], messages: { stale: { retried: 1 } } });
      const crashes = { alone: '4:1 0 0', accompanied: '4:2 0 0', stale: '4:2 1 0' };
      for (const id of ['alone', 'accompanied', 'stale'] as const) {
        await q.inject({ tasks: { [id]: { crashes: crashes[id] } } });
      }
      await q.inject({ tasks: { stale: { alone: '1 0 0' } } }); // of an attempt that a Go server has ended
      await q.broker.noteAlone(q.message('alone'), q.claim('alone'), true);
      await q.clock.advance('1m');

      await q.broker.recoverExpired(q.name, options);

      const { tasks } = await q.dump();
      expect(tasks).toMatchObject({
        alone: { state: 'pending', crashes: '5:2 0 0' },
        accompanied: { state: 'pending', crashes: '5:2 0 0' },
        stale: { state: 'pending', crashes: '5:2 1 0' },
      });
      for (const task of Object.values(tasks)) expect(task).not.toHaveProperty('alone');
    });

    it('archives a task after 21 crashes in company, which Go servers never end', async () => {
      await using q = openQueue();
      await q.seed({ active: ['last', 'next to last'] });
      await q.inject({ tasks: { last: { crashes: '21:1 0 0' }, 'next to last': { crashes: '20:1 0 0' } } });
      await q.clock.advance('1m');

      await q.broker.recoverExpired(q.name, options);

      expect((await q.dump()).tasks).toMatchObject({
        last: { state: 'archived' },
        'next to last': { state: 'pending', crashes: '21:1 0 0' },
      });
    });

    it('counts crashes since the last ended attempt, even one of Go, which keeps the count', async () => {
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
      'resets the crashes of a poison task when an operator runs it, %s',
      async (by) => {
        await using q = openQueue();
        await q.seed({ active: ['poison'] });
        await q.inject({ tasks: { poison: { crashes: `2:${options.maxCrashes} 0 0` } } });
        await q.broker.noteAlone(q.message('poison'), q.claim('poison'), true);
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

    it('clears the progress of a lost attempt, and the unknown type: a server had begun it', async () => {
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

    it('recovers at most the given number, the last fetched first, so that earlier ones run first', async () => {
      await using q = openQueue();
      await q.seed({ active: ['b', 'a'] });
      await q.inject({ leases: { a: 100, b: 200 } });

      const { recovered, nextExpiryAtMs } = await q.broker.recoverExpired(q.name, { ...options, limit: 1 });

      expect(recovered.map(({ message }) => message.id)).toEqual(['b']);
      expect(nextExpiryAtMs).toBeLessThanOrEqual(q.clock.nowMs());
      expect(await q.dump()).toMatchObject({ nextUp: ['b'], active: ['a'], leases: { a: 100 } });
    });

    it('recovers more large tasks per call than fit into one reply', async () => {
      await using q = openQueue();
      const ids = ['e', 'd', 'c', 'b', 'a'];
      const messages = Object.fromEntries(ids.map((id) => [id, { payload: new Uint8Array(600_000) }]));
      await q.seed({ pending: ['waiting'], active: ids, messages });
      await q.clock.advance('1m');

      const { recovered } = await q.broker.recoverExpired(q.name, options);

      expect(recovered.map(({ message }) => message.id).toSorted()).toEqual(ids.toSorted());
      expect((await q.dump()).nextUp).toHaveLength(6);
    });

    it('requeues each task once when two servers act as the leader', async () => {
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

    it('requeues a task with an unusable message, for the next fetch to archive', async () => {
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

    it('gives an active id without a lease an expired one, so that it is recovered', async () => {
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

    it('removes ids without a message from every set', async () => {
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

    it('checks every id in turn, a few per call', async () => {
      await using q = openQueue();
      const farS = q.clock.nowMs() / 1000 + 3600;
      await q.seed({ scheduled: { a: '1h', b: '1h', c: '1h', d: '1h' } });
      await q.inject({ scheduled: { gone: farS + 1 } });

      let orphansRemoved = 0;
      for (let round = 0; round < 3; round++) orphansRemoved += (await q.broker.repair(q.name, 2)).orphansRemoved;

      expect(orphansRemoved).toBe(1);
      expect(Object.keys((await q.dump()).scheduled)).toEqual(['a', 'b', 'c', 'd']);
    });

    it('finds nothing to repair in a consistent queue', async () => {
      await using q = openQueue();
      await q.seed({ pending: ['p'], active: ['a'], scheduled: { s: '1h' }, archived: { d: '1h' } });
      const before = await q.dump();

      expect(await q.broker.repair(q.name, 100)).toEqual({ leasesAdded: 0, orphansRemoved: 0 });

      expect(await q.dump()).toEqual(before);
    });
  });
}
