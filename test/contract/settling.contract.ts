import { describe, expect, it } from 'vitest';
import type { TestQueue } from '../support/test-queue.js';
import { NOTHING } from './nothing.js';

type Settlement = Parameters<TestQueue['broker']['settle']>[1][number];
type Outcome = Settlement['outcome'];

const settlement = (q: TestQueue, id: string, outcome: Outcome): Settlement => ({
  message: q.message(id),
  claim: q.claim(id),
  outcome,
});

const settle = (q: TestQueue, id: string, outcome: Outcome) => q.broker.settle(q.name, [settlement(q, id, outcome)]);

const counted = (n: number) => ({ total: n, days: n === 0 ? {} : { '2099-12-31': n } });

const lockOf = (q: TestQueue): string => `asynq:{${q.name}}:unique:test:task:1`;

/** One of each kind. */
const outcomes = (q: TestQueue): Outcome[] => [
  { kind: 'done' },
  { kind: 'complete' },
  { kind: 'retry', retryAtMs: q.clock.nowMs() + 1_000, error: 'boom', isFailure: true },
  { kind: 'archive', error: 'boom' },
  { kind: 'requeue' },
];

/** The contract of every broker for ending an attempt. */
export function describeSettling(backend: string, openQueue: () => TestQueue): void {
  describe(`settling on ${backend}`, () => {
    it('deletes a successful task, releases its lock and counts it', async () => {
      await using q = openQueue();
      await q.seed({ pending: ['other'], active: ['mine'], messages: { mine: { uniqueKey: lockOf(q) } } });
      const before = await q.dump();

      const replies = await settle(q, 'mine', { kind: 'done' });

      expect(replies).toEqual(['settled']);
      const { other } = before.tasks;
      expect(await q.dump()).toEqual({
        ...before,
        active: [],
        leases: {},
        locks: {},
        tasks: { other },
        processed: counted(1),
      });
    });

    it('keeps a completed task with its result until its retention ends', async () => {
      await using q = openQueue();
      const message = { retentionS: 3600n, errorMsg: 'earlier', uniqueKey: lockOf(q) };
      await q.seed({ active: ['mine'], messages: { mine: message } });
      await q.inject({ tasks: { mine: { result: Buffer.from('42'), crashes: '2 0 0', unknownSinceMs: '1 0 0' } } });
      const nowS = q.clock.nowMs() / 1000;

      const replies = await settle(q, 'mine', { kind: 'complete' });

      expect(replies).toEqual(['settled']);
      const dump = await q.dump();
      expect(dump).toMatchObject({
        active: [],
        leases: NOTHING,
        completed: { mine: nowS + 3600 },
        locks: NOTHING,
        processed: counted(1),
        failed: counted(0),
      });
      expect(dump.tasks['mine']).toEqual({
        state: 'completed',
        message: { ...q.message('mine'), payload: expect.anything() as unknown, completedAtS: BigInt(nowS) },
        uniqueKey: lockOf(q),
        result: Uint8Array.from(Buffer.from('42')),
      });
    });

    it('moves a failed task to retry, to the millisecond, and keeps its lock', async () => {
      await using q = openQueue();
      await q.seed({ active: ['mine'], messages: { mine: { retried: 2, uniqueKey: lockOf(q) } } });
      await q.inject({ tasks: { mine: { crashes: '3 2 0', unknownSinceMs: '1 2 0' } } });
      const retryAtMs = q.clock.nowMs() + 15_250;

      const replies = await settle(q, 'mine', { kind: 'retry', retryAtMs, error: 'boom', isFailure: true });

      expect(replies).toEqual(['settled']);
      const dump = await q.dump();
      expect(dump).toMatchObject({
        active: [],
        leases: NOTHING,
        retry: { mine: Math.ceil(retryAtMs / 1000) },
        locks: { [lockOf(q)]: 'mine' },
        processed: counted(1),
        failed: counted(1),
      });
      const lastFailedAtS = BigInt(q.clock.nowMs() / 1000);
      expect(dump.tasks['mine']).toMatchObject({
        state: 'retry',
        dueAtMs: retryAtMs,
        message: { retried: 3, errorMsg: 'boom', lastFailedAtS },
      });
      expect(dump.tasks['mine']).not.toHaveProperty('crashes');
      expect(dump.tasks['mine']).not.toHaveProperty('unknownSinceMs');
    });

    it('does not count a retry without a failure, and records since when the type is unknown', async () => {
      await using q = openQueue();
      await q.seed({ active: ['mine'] });
      await q.inject({ tasks: { mine: { crashes: '3 0 0' } } });
      const retryAtMs = q.clock.nowMs() + 5_000;
      const unknownTypeSinceMs = q.clock.nowMs() - 7;

      await settle(q, 'mine', { kind: 'retry', retryAtMs, error: 'odd', isFailure: false, unknownTypeSinceMs });

      expect(await q.dump()).toMatchObject({
        processed: counted(0),
        failed: counted(0),
        tasks: {
          mine: {
            unknownSinceMs: `${unknownTypeSinceMs} 0 0`,
            crashes: '3 0 0',
            message: { retried: 0, lastFailedAtS: 0n, errorMsg: 'odd' },
          },
        },
      });
    });

    it('archives a task with its error, counts a failure and keeps its lock', async () => {
      await using q = openQueue();
      await q.seed({ active: ['mine'], messages: { mine: { retried: 25, uniqueKey: lockOf(q) } } });
      await q.inject({ tasks: { mine: { unknownSinceMs: '1 25 0' } } });
      await q.clock.advance(1_999);

      const replies = await settle(q, 'mine', { kind: 'archive', error: 'for good' });

      expect(replies).toEqual(['settled']);
      const nowS = Math.floor(q.clock.nowMs() / 1000);
      const dump = await q.dump();
      expect(dump).toMatchObject({
        active: [],
        leases: NOTHING,
        archived: { mine: nowS },
        locks: { [lockOf(q)]: 'mine' },
        processed: counted(1),
        failed: counted(1),
        tasks: {
          mine: { state: 'archived', message: { retried: 25, errorMsg: 'for good', lastFailedAtS: BigInt(nowS) } },
        },
      });
      expect(dump.tasks['mine']).not.toHaveProperty('unknownSinceMs');
    });

    it('requeues an active task ahead of the pending ones', async () => {
      await using q = openQueue();
      await q.seed({ pending: ['waiting'], active: ['mine'] });
      const before = await q.dump();
      await q.clock.advance(1);

      const replies = await settle(q, 'mine', { kind: 'requeue' });

      expect(replies).toEqual(['settled']);
      const mine = { ...before.tasks['mine'], state: 'pending', pendingSinceNs: q.clock.nowNs() };
      expect(await q.dump()).toEqual({
        ...before,
        nextUp: ['mine', 'waiting'],
        active: [],
        leases: {},
        tasks: { ...before.tasks, mine },
      });
    });

    it('order: requeued tasks run in the order of the call, ahead of the pending ones', async () => {
      await using q = openQueue();
      await q.seed({ pending: ['t1', 't2', 't3', 't4', 'waiting'] });
      const { tasks } = await q.broker.fetch(q.name, 4, 30_000);
      const requeued = tasks.map((task) => ({
        message: task.message,
        claim: q.claim(task),
        outcome: { kind: 'requeue' } as const,
      }));

      await q.broker.settle(q.name, requeued);

      expect(await q.dump()).toMatchObject({ nextUp: ['t1', 't2', 't3', 't4', 'waiting'], active: [] });
    });

    it('order: so do more tasks than fit into one script call', async () => {
      await using q = openQueue();
      const ids = Array.from({ length: 1_200 }, (_, at) => `task-${at}`);
      await q.seed({ pending: ['waiting'], active: ids.toReversed() });

      await q.broker.settle(
        q.name,
        ids.map((id) => settlement(q, id, { kind: 'requeue' })),
      );

      expect((await q.dump()).nextUp).toEqual([...ids, 'waiting']);
    });

    it('order: requeues by claims as by outcomes, and only the tasks that are ours', async () => {
      await using q = openQueue();
      await q.seed({ pending: ['waiting'], active: ['t3', 'lost', 't1'] });
      const before = await q.dump();
      const lost = { id: 'lost', expiriesS: [q.claim('lost').expiriesS[0]! + 1] };

      const replies = await q.broker.requeue(q.name, [q.claim('t1'), lost, q.claim('t3')]);

      expect(replies).toEqual(['settled', 'leaseLost', 'settled']);
      const back = { state: 'pending', pendingSinceNs: q.clock.nowNs() };
      expect(await q.dump()).toEqual({
        ...before,
        nextUp: ['t1', 't3', 'waiting'],
        active: ['lost'],
        leases: { lost: before.leases['lost'] },
        tasks: { ...before.tasks, t1: { ...before.tasks['t1'], ...back }, t3: { ...before.tasks['t3'], ...back } },
      });
    });

    it.each([
      ['the oldest', (ids: string[]) => ids.slice(-100)],
      ['the newest', (ids: string[]) => ids.slice(0, 100)],
      ['every third', (ids: string[]) => ids.filter((_, at) => at % 3 === 0)],
      ['all but the oldest', (ids: string[]) => ids.slice(0, -1)],
      ['all', (ids: string[]) => ids],
      ['two, of them the oldest', (ids: string[]) => [ids.at(-1)!, ids[150]!]],
    ])('leaves the others active in their order when %s of many end', async (_, choose) => {
      await using q = openQueue();
      const ids = Array.from({ length: 300 }, (_each, at) => `task-${at}`);
      await q.seed({ active: ids });
      const ending = choose(ids);

      await q.broker.settle(
        q.name,
        ending.map((id) => settlement(q, id, { kind: 'done' })),
      );

      const { active, leases } = await q.dump();
      expect(active).toEqual(ids.filter((id) => !ending.includes(id)));
      expect(Object.keys(leases).toSorted()).toEqual([...active].toSorted());
    });

    it('returns the replies for a batch of all kinds in the order given', async () => {
      await using q = openQueue();
      const ids = ['a', 'b', 'c', 'd', 'e'];
      await q.seed({ active: ids, messages: { b: { retentionS: 60n } } });
      const settlements = outcomes(q).map((outcome, at) => settlement(q, ids[at]!, outcome));
      const lost = { ...settlements[0]!, claim: { id: 'a', expiriesS: [1] } };

      const replies = await q.broker.settle(q.name, [lost, ...settlements]);

      expect(replies).toEqual(['leaseLost', 'settled', 'settled', 'settled', 'settled', 'settled']);
      const dump = await q.dump();
      expect(dump).toMatchObject({
        nextUp: ['e'],
        active: [],
        leases: NOTHING,
        processed: counted(4),
        failed: counted(2),
      });
      expect([dump.completed, dump.retry, dump.archived].map((set) => Object.keys(set))).toEqual([['b'], ['c'], ['d']]);
    });

    it('writes nothing once another server has the lease', async () => {
      await using q = openQueue();
      await q.seed({ pending: ['waiting'], active: ['mine'], messages: { mine: { uniqueKey: lockOf(q) } } });
      await q.reclaimLease('mine');
      const before = await q.dump();

      for (const outcome of outcomes(q)) {
        expect(await settle(q, 'mine', outcome)).toEqual(['leaseLost']);
      }

      expect(await q.dump()).toEqual(before);
    });

    it('changes nothing when it is repeated after a lost reply', async () => {
      await using q = openQueue();
      for (const [at, outcome] of outcomes(q).entries()) {
        await q.seed({ active: [`task-${at}`] });
        await settle(q, `task-${at}`, outcome);
        const before = await q.dump();

        expect(await settle(q, `task-${at}`, outcome)).toEqual(['leaseLost']);

        expect(await q.dump()).toEqual(before);
      }
    });

    it('does nothing for an empty batch', async () => {
      await using q = openQueue();
      await q.seed({ active: ['mine'] });
      const before = await q.dump();

      expect(await q.broker.settle(q.name, [])).toEqual([]);
      expect(await q.broker.extendLeases(q.name, [], 1)).toEqual({ lost: [], cancelRequests: [] });
      expect(await q.broker.enqueue([])).toEqual([]);

      expect(await q.dump()).toEqual(before);
    });

    it('settles a large batch at once, each task by its own lease', async () => {
      await using q = openQueue();
      const ids = Array.from({ length: 1_200 }, (_, at) => `task-${at}`);
      await q.seed({ active: ids });
      await q.reclaimLease('task-700');

      const replies = await q.broker.settle(
        q.name,
        ids.map((id) => settlement(q, id, { kind: 'done' })),
      );

      expect(replies.flatMap((reply, at) => (reply === 'leaseLost' ? [ids[at]] : []))).toEqual(['task-700']);
      expect(await q.dump()).toMatchObject({ active: ['task-700'], processed: counted(1_199) });
    });

    it('does not release a lock that another task holds by now', async () => {
      await using q = openQueue();
      await q.seed({ active: ['mine'], messages: { mine: { uniqueKey: lockOf(q) } } });
      await q.inject({ locks: { [lockOf(q)]: 'another' } });

      await settle(q, 'mine', { kind: 'done' });

      expect((await q.dump()).locks).toEqual({ [lockOf(q)]: 'another' });
    });

    it('counts under the UTC day on which the attempt ended', async () => {
      await using q = openQueue();
      await q.seed({ active: ['before'] });
      await settle(q, 'before', { kind: 'done' });
      await q.clock.advance(6_400_000); // to 2100-01-01T00:00:00Z
      await q.seed({ active: ['after'] });

      await settle(q, 'after', { kind: 'archive', error: 'boom' });

      const dump = await q.dump();
      expect(dump.processed).toEqual({ total: 2, days: { '2099-12-31': 1, '2100-01-01': 1 } });
      expect(dump.failed).toEqual({ total: 1, days: { '2100-01-01': 1 } });
    });
  });
}
