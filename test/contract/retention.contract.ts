import type { TestQueue } from '@nestjs-asynq/core/testing';
import { describe, expect, it } from 'vitest';

/** What every broker promises about tasks that have ended. */
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

    it('deletes at most so many completed tasks, the longest ended first', async () => {
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
}
