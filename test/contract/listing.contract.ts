import { describe, expect, it } from 'vitest';
import type { TestQueue } from '../support/test-queue.js';

type List = Parameters<TestQueue['broker']['listTasks']>[1];

const DAY_MS = 86_400_000;

async function idsOf(q: TestQueue, list: List, skip = 0, limit = 100): Promise<string[]> {
  return (await q.broker.listTasks(q.name, list, skip, limit)).map(({ message }) => message.id);
}

/** Ids in pages of two, in the order of a scan. */
async function walk(q: TestQueue, list: List, between: (page: number) => Promise<void> = async () => {}) {
  const ids: string[] = [];
  let position: string | undefined;
  for (let page = 0; page === 0 || position !== undefined; page++) {
    const { tasks, next } = await q.broker.scanTasks(q.name, list, position, 2);
    ids.push(...tasks.map(({ task }) => task.message.id));
    position = next;
    await between(page);
  }
  return ids;
}

/** The contract of every broker for listing tasks. */
export function describeListing(backend: string, openQueue: () => TestQueue): void {
  describe(`listing on ${backend}`, () => {
    it('lists every state in the order of asynq', async () => {
      await using q = openQueue();
      await q.seed({
        pending: ['next', 'last'],
        active: ['newest', 'longest'],
        scheduled: { later: '2h', sooner: '1h' },
        retry: { r2: '2h', r1: '1h' },
        archived: { young: '1h', old: '2h' },
        completed: { kept: '2h', 'deleted-soon': '1h' },
      });

      expect(await idsOf(q, { state: 'pending' })).toEqual(['next', 'last']);
      expect(await idsOf(q, { state: 'active' })).toEqual(['longest', 'newest']);
      expect(await idsOf(q, { state: 'scheduled' })).toEqual(['sooner', 'later']);
      expect(await idsOf(q, { state: 'retry' })).toEqual(['r1', 'r2']);
      expect(await idsOf(q, { state: 'archived' })).toEqual(['old', 'young']);
      expect(await idsOf(q, { state: 'completed' })).toEqual(['deleted-soon', 'kept']);
    });

    it('lists pages and sizes', async () => {
      await using q = openQueue();
      await q.seed({ pending: ['1', '2', '3', '4', '5'], retry: { a: '1s', b: '2s', c: '3s' } });

      expect(await idsOf(q, { state: 'pending' }, 2, 2)).toEqual(['3', '4']);
      expect(await idsOf(q, { state: 'pending' }, 4, 2)).toEqual(['5']);
      expect(await idsOf(q, { state: 'pending' }, 6, 2)).toEqual([]);
      expect(await idsOf(q, { state: 'retry' }, 1, 5)).toEqual(['b', 'c']);
      expect(await q.broker.listSize(q.name, { state: 'pending' })).toBe(5);
      expect(await q.broker.listSize(q.name, { state: 'retry' })).toBe(3);
    });

    it('lists the tasks of a group, and the groups by name with their sizes', async () => {
      await using q = openQueue();
      await q.seed({ retry: { a: 1, b: 1, c: 1 } });
      await q.inject({ tasks: { a: { group: 'z' }, b: { group: 'digest' }, c: { group: 'z' } } });
      await q.clock.advance('1s');
      await q.broker.forwardDue(q.name, 10);

      expect(await q.broker.groupSizes(q.name)).toEqual([
        { group: 'digest', size: 1 },
        { group: 'z', size: 2 },
      ]);
      const tasks = await q.broker.listTasks(q.name, { state: 'aggregating', group: 'z' }, 0, 10);
      expect(tasks.map(({ message, state }) => [message.id, state])).toEqual([
        ['a', 'aggregating'],
        ['c', 'aggregating'],
      ]);
      expect(await idsOf(q, { state: 'aggregating', group: 'unknown' })).toEqual([]);
    });

    it('shows each task as it would alone, in the state of the list, and leaves out ids without a message', async () => {
      await using q = openQueue();
      await q.seed({ active: ['lost', 'mine'], retry: { r: 1_500 } });
      await q.inject({ leases: { lost: 1 }, retry: { stub: 1 }, tasks: { r: { crashes: '1 0 0' } } });

      const shown = [
        ...(await q.broker.listTasks(q.name, { state: 'active' }, 0, 10)),
        ...(await q.broker.listTasks(q.name, { state: 'retry' }, 0, 10)),
      ];

      const alone = await Promise.all(['mine', 'lost', 'r'].map((id) => q.broker.findTask(q.name, id)));
      expect(shown).toEqual(alone);
      expect(shown.map(({ isOrphaned }) => isOrphaned)).toEqual([false, true, false]);
    });

    it('scans a list in pages, and returns the time of each task', async () => {
      await using q = openQueue();
      await q.seed({ scheduled: { b: '2s', a: '1s', d: '4s', c: '3s' }, pending: ['p1', 'p2', 'p3'] });
      const nowMs = q.clock.nowMs();

      expect(await walk(q, { state: 'scheduled' })).toEqual(['a', 'b', 'c', 'd']);
      expect(await walk(q, { state: 'pending' })).toEqual(['p3', 'p2', 'p1']);
      const { tasks, scanned } = await q.broker.scanTasks(q.name, { state: 'scheduled' }, undefined, 3);
      expect([tasks.map(({ atMs }) => atMs! - nowMs), scanned]).toEqual([[1_000, 2_000, 3_000], 3]);
      const [behind] = (await q.broker.scanTasks(q.name, { state: 'scheduled' }, tasks[0]!.after(), 1)).tasks;
      expect(behind!.task.message.id).toBe('b');
    });

    it('misses no task that stays while others are added and removed', async () => {
      await using q = openQueue();
      await q.seed({ archived: { a: '5s', b: '4s', c: '3s', d: '3s', e: '1s' }, pending: ['p1', 'p2', 'p3', 'p4'] });

      const archived = await walk(q, { state: 'archived' }, async (page) => {
        if (page === 0) await q.broker.moveTasks(q.name, { state: 'archived' }, ['a', 'b'], 'deleted');
      });
      const pending = await walk(q, { state: 'pending' }, async (page) => {
        if (page === 0) await q.broker.enqueue([{ message: q.message('new') }]);
      });

      expect(archived).toEqual(['a', 'b', 'c', 'd', 'e']);
      expect(new Set(pending)).toEqual(new Set(['p1', 'p2', 'p3', 'p4']));
    });

    it('ends a page of a scan at a megabyte, and lists large tasks completely', async () => {
      await using q = openQueue();
      const ids = ['a', 'b', 'c', 'd', 'e'];
      const messages = Object.fromEntries(ids.map((id) => [id, { payload: new Uint8Array(600_000) }]));
      await q.seed({ archived: Object.fromEntries(ids.map((id, at) => [id, (ids.length - at) * 1_000])), messages });

      const page = await q.broker.scanTasks(q.name, { state: 'archived' }, undefined, 100);
      const walked = await walk(q, { state: 'archived' });

      expect([page.scanned, page.tasks.length, page.next !== undefined]).toEqual([1, 1, true]);
      expect(walked).toEqual(ids);
      expect(await idsOf(q, { state: 'archived' })).toEqual(ids);
    });

    it('counts the attempts of each day, today first', async () => {
      await using q = openQueue();
      const today = new Date(q.clock.nowMs() + 2 * DAY_MS).toISOString().slice(0, 10);
      for (const [id, kind] of Object.entries({ a: 'done', b: 'done', c: 'archive' } as const)) {
        if (id !== 'a') await q.clock.advance('1d');
        await q.broker.enqueue([{ message: q.message(id) }]);
        const { tasks } = await q.broker.fetch(q.name, 1, 30_000);
        const outcome = kind === 'done' ? { kind } : { kind, error: 'boom' };
        await q.broker.settle(q.name, [{ message: q.message(id), claim: q.claim(tasks[0]!), outcome }]);
      }

      const counts = await q.broker.dailyCounts(q.name, 4);

      expect(counts.map(({ processed, failed }) => [processed, failed])).toEqual([
        [1, 1],
        [1, 0],
        [1, 0],
        [0, 0],
      ]);
      expect(counts[0]!.day).toBe(today);
    });

    it('counts the tasks that were archived since a time, and are still in the archive', async () => {
      await using q = openQueue();
      await q.broker.enqueue(['old', 'new', 'newest'].map((id) => ({ message: q.message(id) })));
      const archive = async (id: string): Promise<void> => {
        const [task] = (await q.broker.fetch(q.name, 1, 30_000)).tasks;
        const outcome = { kind: 'archive', error: 'boom' } as const;
        await q.broker.settle(q.name, [{ message: q.message(id), claim: q.claim(task!), outcome }]);
      };
      await archive('old');
      await q.clock.advance('1h');
      const sinceMs = q.clock.nowMs();
      await archive('new');
      await archive('newest');

      expect(await q.broker.archivedSince(q.name, sinceMs)).toBe(2);
      expect(await q.broker.archivedSince(q.name, 0)).toBe(3);
      expect(await q.broker.archivedSince('nowhere', 0)).toBe(0);
    });

    it('estimates the memory of a queue where available', async () => {
      await using q = openQueue();
      await q.seed({ pending: ['p'], retry: { r: 1 } });
      await q.inject({ tasks: { r: { group: 'digest' } } });
      await q.clock.advance('1s');
      await q.broker.forwardDue(q.name, 10);

      const estimate = await q.broker.memoryUsage(q.name, false);
      const exact = await q.broker.memoryUsage(q.name, true);

      if (q.broker.kind === 'memory') {
        expect([estimate, exact]).toEqual([undefined, undefined]);
        return;
      }
      expect(estimate!.bytes > 300 && estimate!.bytes < 5_000).toBe(true);
      // There are so few that all were measured.
      expect([estimate, exact]).toEqual([{ bytes: exact!.bytes, errorBytes: 0 }, estimate]);
    });

    it('estimates the memory of many small tasks beside a large one', async () => {
      await using q = openQueue();
      const ids = Array.from({ length: 1_000 }, (_, n) => `t${n}`);
      await q.seed({ pending: ids, messages: { t3: { payload: new Uint8Array(1_000_000) } } });
      if (q.broker.kind === 'memory') return;

      const exact = (await q.broker.memoryUsage(q.name, true))!.bytes;
      const estimates = await Promise.all(Array.from({ length: 20 }, () => q.broker.memoryUsage(q.name, false)));

      // Whether it is in the sample or not; extrapolated, it would be eight times the memory.
      const shares = estimates.map((estimate) => estimate!.bytes / exact);
      expect(Math.min(...shares)).toBeGreaterThan(0.2);
      expect(Math.max(...shares)).toBeLessThan(1.5);
    });
  });
}
