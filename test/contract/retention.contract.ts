import { describe, expect, it } from 'vitest';
import type { TestQueue } from '../support/test-queue.js';
import { lockOf, member, takeAll } from './grouped-tasks.js';

/** The contract of every broker for ended tasks. */
export function describeRetention(backend: string, openQueue: () => TestQueue): void {
  describe(`retention on ${backend}`, () => {
    it('deletes completed tasks when their retention ends, not before', async () => {
      await using q = openQueue();
      await q.seed({ completed: { soon: '10s', later: '11s' } });
      await q.clock.advance(9_999);

      const early = await q.broker.deleteExpiredCompleted(q.name, 100);
      await q.clock.advance(1);
      const due = await q.broker.deleteExpiredCompleted(q.name, 100);

      expect([early, due]).toEqual([0, 1]);
      const dump = await q.dump();
      expect([Object.keys(dump.completed), Object.keys(dump.tasks)]).toEqual([['later'], ['later']]);
    });

    it('deletes at most the given number of completed tasks, the oldest first', async () => {
      await using q = openQueue();
      await q.seed({ completed: { b: '2s', a: '1s', c: '3s' } });
      await q.clock.advance('1m');

      expect(await q.broker.deleteExpiredCompleted(q.name, 2)).toBe(2);

      expect(Object.keys((await q.dump()).tasks)).toEqual(['c']);
    });

    it('trims archived tasks that are too old, with their hashes and their locks', async () => {
      await using q = openQueue();
      const lock = (name: string): string => `asynq:{${q.name}}:unique:test:task:${name}`;
      await q.seed({
        archived: { old: '90d', borrowed: '91d', young: '89d' },
        messages: { old: { uniqueKey: lock('old') }, borrowed: { uniqueKey: lock('borrowed') } },
      });
      await q.inject({ locks: { [lock('borrowed')]: 'its-new-holder' } });

      const deleted = await q.broker.trimArchived(q.name, { maxAgeMs: 90 * 86_400_000, maxSize: 100 }, 100);

      expect(deleted).toBe(2);
      const dump = await q.dump();
      expect([Object.keys(dump.archived), Object.keys(dump.tasks)]).toEqual([['young'], ['young']]);
      expect(dump.locks).toEqual({ [lock('borrowed')]: 'its-new-holder' });
    });

    it('trims the oldest archived tasks beyond the size, a batch at a time', async () => {
      await using q = openQueue();
      await q.seed({ archived: { '5': '5s', '4': '4s', '3': '3s', '2': '2s', '1': '1s' } });
      const limits = { maxAgeMs: 3_600_000, maxSize: 2 };

      const deleted = [
        await q.broker.trimArchived(q.name, limits, 2),
        await q.broker.trimArchived(q.name, limits, 2),
        await q.broker.trimArchived(q.name, limits, 2),
      ];

      expect(deleted).toEqual([2, 1, 0]);
      expect(Object.keys((await q.dump()).archived).sort()).toEqual(['1', '2']);
    });
  });

  describe(`ids of completed tasks on ${backend}`, () => {
    const RESULT = Uint8Array.of(1);
    /** A completed task, kept for ten seconds from now. */
    async function complete(q: TestQueue): Promise<void> {
      await q.seed({ completed: { one: '10s' } });
      await q.inject({ tasks: { one: { result: RESULT, crashes: '1 0 0' } } });
    }

    it.each([
      ['pending', {}, 0],
      ['scheduled', {}, 60_000],
      ['aggregating', { groupKey: 'digest' }, 0],
    ])('are free for a %s task once the retention is over, not before', async (state, fields, processInMs) => {
      await using q = openQueue();
      await complete(q);
      const enqueue = () =>
        q.broker.enqueue([
          {
            message: q.message('one', { type: 'new', ...fields }),
            processAtMs: q.clock.nowMs() + processInMs,
          },
        ]);
      await q.clock.advance(9_999);

      const early = await enqueue();
      const kept = await q.dump();
      await q.clock.advance(1);
      const late = await enqueue();

      expect([early, late]).toEqual([[{ status: 'idConflict' }], [{ status: state }]]);
      expect(kept.tasks['one']).toMatchObject({ state: 'completed', result: RESULT });
      const { completed, tasks } = await q.dump();
      expect([completed, tasks['one']]).toMatchObject([{}, { state, message: { type: 'new' } }]);
      expect(Object.keys(completed)).toEqual([]);
      expect(tasks['one']).not.toHaveProperty('result');
      expect(tasks['one']).not.toHaveProperty('crashes');
    });

    it('stay with the completed task when another holds the lock of the new one', async () => {
      await using q = openQueue();
      await complete(q);
      await q.inject({ locks: { [lockOf(q, '1')]: 'other' } });
      await q.clock.advance('1m');
      const before = await q.dump();

      const outcomes = await q.broker.enqueue([
        { message: q.message('one', { uniqueKey: lockOf(q, '1') }), uniqueTtlS: 60 },
      ]);

      expect(outcomes).toEqual([{ status: 'duplicate', holderId: 'other' }]);
      expect(await q.dump()).toEqual({ ...before, isAnnounced: true });
    });

    it('are free for the task of a tick', async () => {
      await using q = openQueue();
      await complete(q);
      const definition = {
        ...{ queue: q.name, name: 'report', spec: '@every 1m' },
        template: { message: q.message(''), processAtMs: undefined, processInMs: undefined, uniqueTtlMs: undefined },
      };
      const { claimedMs } = (await q.broker.saveSchedule(definition)).progress;
      const fire = (fromMs: number) =>
        q.broker.fireTick({
          ...definition,
          claimedMs: fromMs,
          tickMs: fromMs + 60_000,
          task: { message: q.message('one') },
        });

      const early = await fire(claimedMs);
      await q.clock.advance('10s');
      const late = await fire(claimedMs + 60_000);

      expect(early.outcome).toEqual({ status: 'idConflict' });
      expect(late.outcome).toEqual({ status: 'enqueued', state: 'pending' });
      const dump = await q.dump();
      expect([dump.nextUp, Object.keys(dump.completed)]).toEqual([['one'], []]);
      expect(dump.tasks['one']).not.toHaveProperty('result');
    });

    it('are free for the combined task of a group', async () => {
      await using q = openQueue();
      await q.broker.enqueue([member(q, 'a')]);
      const set = await takeAll(q);
      await complete(q);

      const early = await q.broker.finishSet(q.name, set, { message: q.message('one') });
      await q.clock.advance('10s');
      const late = await q.broker.finishSet(q.name, set, { message: q.message('one') });

      expect([early.status, late.status]).toEqual(['idConflict', 'finished']);
      const dump = await q.dump();
      expect([dump.nextUp, Object.keys(dump.completed), Object.keys(dump.tasks)]).toEqual([['one'], [], ['one']]);
      expect(dump.tasks['one']).not.toHaveProperty('result');
    });
  });
}
