import { Inspector, silentLogger } from '@nestjs-asynq/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TestQueue } from '../support/test-queue.js';
import { isThorough } from './thorough.js';

type List = Parameters<TestQueue['broker']['scanTasks']>[1];

const ids = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

/** The changes of servers, clients and inspectors to a list between two pages; `nth` chooses the task. */
const act = fc.record({
  kind: fc.constantFrom('enqueue', 'fetch', 'giveBack', 'fail', 'delete', 'runNext', 'run', 'delay', 'none'),
  nth: fc.nat({ max: 30 }),
});

/** Performs a change; returns the ids of the affected tasks. */
async function perform(q: TestQueue, list: List, { kind, nth }: { kind: string; nth: number }, step: number) {
  const { broker, name } = q;
  const changeOne = async (change: (id: string) => Promise<unknown>): Promise<string[]> => {
    const page = await broker.listTasks(name, list, 0, 100);
    const id = page[nth % Math.max(page.length, 1)]?.message.id ?? 'none';
    await change(id);
    return [id];
  };
  const settleAll = async (outcome: Parameters<typeof broker.settle>[1][number]['outcome']): Promise<string[]> => {
    const { tasks } = await broker.fetch(name, 1 + (nth % 3), 30_000);
    const ends = tasks.map((task) => ({ message: task.message, claim: q.claim(task), outcome }));
    await broker.settle(name, ends);
    return tasks.map(({ message }) => message.id);
  };
  switch (kind) {
    case 'enqueue':
      await broker.enqueue([{ message: q.message(`new-${step}`) }]);
      return [`new-${step}`];
    case 'fetch':
      return settleAll({ kind: 'done' });
    case 'giveBack':
      return settleAll({ kind: 'requeue' });
    case 'fail':
      return settleAll({ kind: 'retry', retryAtMs: q.clock.nowMs() + 1_500, error: 'boom', isFailure: true });
    case 'delete':
      return changeOne((id) => broker.moveTasks(name, list, [id], 'deleted'));
    case 'runNext':
      return changeOne((id) => broker.moveTasks(name, list, [id], 'pendingHead'));
    case 'run':
      return changeOne((id) => broker.moveTasks(name, list, [id], 'pending'));
    case 'delay':
      return changeOne((id) => broker.reschedule(name, list, id, q.clock.nowMs() + 60_000));
    default:
      return [];
  }
}

/** The contract of every broker for scans of changing lists. */
export function describeScanning(backend: string, openQueue: () => TestQueue): void {
  describe(`scanning on ${backend}`, () => {
    it.each(['pending', 'archived'] as const)('returns all %s tasks that meet a filter', async (state) => {
      await using q = openQueue();
      const all = ids('t', 1_200);
      const messages = {
        t7: { errorMsg: 'no such host' },
        t600: { payload: Buffer.from('{"to":"HOST"}') },
        t1100: { type: 'host:find', payload: new Uint8Array(2_000_000) },
        t1101: { type: 'host:find', payload: new Uint8Array(2_000_000) },
      };
      const times = Object.fromEntries(all.map((id, i) => [id, `${Math.floor(i / 4) + 1}s` as const]));
      await q.seed({ ...(state === 'pending' ? { pending: all } : { [state]: times }), messages });
      const find = async (filter: Parameters<typeof q.broker.scanTasks>[4]) => {
        const found: string[] = [];
        let scanned = 0;
        let position: string | undefined;
        do {
          const page = await q.broker.scanTasks(q.name, { state }, position, 500, filter);
          found.push(...page.tasks.map(({ task }) => task.message.id));
          scanned += page.scanned;
          position = page.next;
        } while (position !== undefined);
        // The broker in memory leaves nothing out.
        return { found: found.filter((id) => id in messages).toSorted(), scanned, isAll: found.length === all.length };
      };
      const host = [Buffer.from('host')];

      const exact = await find({ texts: host, ignoresCase: false });
      const folded = await find({ texts: host, ignoresCase: true });
      const both = await find({ texts: [...host, Buffer.from('find')], ignoresCase: false });
      const byId = await find({ texts: [], ignoresCase: false, idPrefix: 't110' });

      const isAll = q.broker.kind === 'memory';
      const foundBy = (...some: string[]) => ({
        found: isAll ? Object.keys(messages).toSorted() : some,
        scanned: 1_200,
        isAll,
      });
      expect(exact).toEqual(foundBy('t1100', 't1101', 't7'));
      expect(folded).toEqual(foundBy('t1100', 't1101', 't600', 't7'));
      expect(both).toEqual(foundBy('t1100', 't1101'));
      expect(byId).toEqual(foundBy('t1100', 't1101'));
    });

    it.each(['pending', 'archived'] as const)(
      'says how many %s entries are before a task that it finds',
      async (state) => {
        await using q = openQueue();
        const times = { gone: '5s', a: '4s', wanted: '3s', b: '2s', 'wanted too': '1s' } as const;
        await q.seed(state === 'pending' ? { pending: Object.keys(times) } : { [state]: times });
        await q.inject({ tasks: { gone: undefined } });
        const filter = { texts: [Buffer.from('wanted')], ignoresCase: false };

        const page = await q.broker.scanTasks(q.name, { state }, undefined, 10, filter);

        const entries = (await q.broker.scanIds(q.name, { state }, undefined, 10)).entries.map(({ id }) => id);
        const found = page.tasks.filter(({ task }) => task.message.id.startsWith('wanted'));
        expect(found.map(({ at }) => entries[at])).toEqual(found.map(({ task }) => task.message.id));
        expect(found).toHaveLength(2);
      },
    );

    it('counts all tasks that a search has read when it reaches its limit', async () => {
      await using q = openQueue();
      const inspector = new Inspector({ connection: q.broker, logger: silentLogger });
      await q.broker.enqueue([{ message: q.message('announces the queue') }]);
      await q.seed({ archived: { a: '5s', b: '4s', wanted: '3s', c: '2s' } });

      const found = await inspector.findTasks({ queue: q.name, state: 'archived', idPrefix: 'w', limit: 1 });

      expect([found.tasks.map(({ id }) => id), found.scanned]).toEqual([['wanted'], 3]);
    });

    it.each([
      ['pending', undefined],
      ['pending', ''],
      ['pending', 't1'],
      ['retry', undefined],
      ['retry', 't1'],
      ['archived', undefined],
    ] as const)(
      'misses no %s task that stays, whatever else changes (filter: %o)',
      async (state, text) => {
        const filter = text === undefined ? undefined : { texts: [Buffer.from(text)], ignoresCase: false };
        const wanted = ids('t', 14).filter((id) => id.includes(text ?? ''));
        await fc.assert(
          fc.asyncProperty(
            fc.array(fc.array(act, { maxLength: 3 }), { minLength: 5, maxLength: 12 }),
            fc.integer({ min: 1, max: 4 }),
            async (actsBetween, limit) => {
              await using q = openQueue();
              // Tasks of one second, too.
              const times = Object.fromEntries(ids('t', 14).map((id, i) => [id, `${Math.floor(i / 4) + 1}h`]));
              await q.seed(state === 'pending' ? { pending: ids('t', 14) } : { [state]: times });
              const touched = new Set<string>();
              const seen = new Set<string>();

              let position: string | undefined;
              let step = 0;
              do {
                const page = await q.broker.scanTasks(q.name, { state }, position, limit, filter);
                for (const { task } of page.tasks) seen.add(task.message.id);
                position = page.next;
                for (const one of actsBetween[step++] ?? []) {
                  await q.clock.advance(1);
                  for (const id of await perform(q, { state }, one, step)) touched.add(id);
                  await q.broker.forwardDue(q.name, 10);
                }
              } while (position !== undefined);

              expect(wanted.filter((id) => !touched.has(id) && !seen.has(id))).toEqual([]);
            },
          ),
          { numRuns: isThorough(backend) ? 60 : 10, endOnFailure: true },
        );
      },
      120_000,
    );

    it('continues after a removed task of the same second', async () => {
      await using q = openQueue();
      await q.seed({ archived: { a: '1h', b: '1h', B: '1h', é: '1h', '😀': '1h' } });
      const { next } = await q.broker.scanTasks(q.name, { state: 'archived' }, undefined, 2);
      await q.broker.moveTasks(q.name, { state: 'archived' }, ['B', 'a'], 'deleted');

      const rest = await q.broker.scanTasks(q.name, { state: 'archived' }, next, 5);

      expect(rest.tasks.map(({ task }) => task.message.id)).toEqual(['b', 'é', '😀']);
    });

    it('continues in a list after many tasks were added, and when all remembered ones have left', async () => {
      await using q = openQueue();
      await q.seed({ pending: ids('t', 10) });
      const first = await q.broker.scanIds(q.name, { state: 'pending' }, undefined, 4);
      await q.broker.enqueue(ids('new-', 400).map((id) => ({ message: q.message(id) })));

      const second = await q.broker.scanIds(q.name, { state: 'pending' }, first.next, 4);
      await q.broker.moveTasks(q.name, { state: 'pending' }, ids('t', 9).slice(2), 'deleted');
      await q.broker.moveTasks(q.name, { state: 'pending' }, ['t9'], 'deleted');
      const third = await q.broker.scanIds(q.name, { state: 'pending' }, second.next, 1_000);

      expect(second.entries.map(({ id }) => id)).toEqual(['t5', 't4', 't3', 't2']);
      expect(third.entries.map(({ id }) => id)).toEqual(expect.arrayContaining(['t0', 't1']));
    });

    it('scans active tasks while they end', async () => {
      await using q = openQueue();
      await q.seed({ active: ids('t', 6) });
      const first = await q.broker.scanIds(q.name, { state: 'active' }, undefined, 3);
      const ended = first.entries.slice(1).map(({ id }) => q.message(id));
      const claims = ended.map(({ id }) => ({ id, expiriesS: [Math.ceil(q.clock.nowMs() / 1000) + 30] }));
      await q.broker.settle(
        q.name,
        ended.map((message, i) => ({ message, claim: claims[i]!, outcome: { kind: 'done' } as const })),
      );

      const rest = await q.broker.scanIds(q.name, { state: 'active' }, first.next, 6);

      const seen = new Set([...first.entries, ...rest.entries].map(({ id }) => id));
      expect([...seen].toSorted()).toEqual(ids('t', 6));
    });

    it('refuses an invalid position', async () => {
      await using q = openQueue();
      await q.seed({ pending: ['p'], retry: { r: '1h' } });

      await expect(q.broker.scanIds(q.name, { state: 'pending' }, 'nonsense', 1)).rejects.toThrow('option "cursor"');
      await expect(q.broker.scanIds(q.name, { state: 'retry' }, '1', 1)).rejects.toThrow('option "cursor"');
    });

    it('moves a task only if it is unchanged since the scan: one that left and came back stays', async () => {
      await using q = openQueue();
      await q.seed({ pending: ['p', 'back'], retry: { r: '1h', 'r-back': '1h' } });
      const note = async (state: 'pending' | 'retry') => {
        const { entries } = await q.broker.scanIds(q.name, { state }, undefined, 10);
        return [entries.map(({ id }) => id), entries.map(({ stamp }) => stamp)] as const;
      };
      const [pending, pendingStamps] = await note('pending');
      const [retry, retryStamps] = await note('retry');
      await q.clock.advance('1s');
      await q.broker.moveTasks(q.name, { state: 'retry' }, ['r-back'], 'pendingHead');
      await q.broker.moveTasks(q.name, { state: 'pending' }, ['back'], 'pendingHead');
      const { tasks } = await q.broker.fetch(q.name, 2, 30_000);
      const end = (id: string, outcome: Parameters<typeof q.broker.settle>[1][number]['outcome']) => {
        const task = tasks.find(({ message }) => message.id === id)!;
        return { message: task.message, claim: q.claim(task), outcome };
      };
      await q.broker.settle(q.name, [
        end('back', { kind: 'requeue' }),
        end('r-back', { kind: 'retry', retryAtMs: q.clock.nowMs() + 3_600_000, error: '', isFailure: true }),
      ]);

      const deleted = await q.broker.moveTasks(q.name, { state: 'pending' }, pending, 'deleted', {
        stamps: pendingStamps,
      });
      const run = await q.broker.moveTasks(q.name, { state: 'retry' }, retry, 'archived', { stamps: retryStamps });

      expect(Object.fromEntries([...pending, ...retry].map((id, i) => [id, [...deleted, ...run][i]]))).toEqual({
        p: true,
        back: false,
        r: true,
        'r-back': false,
      });
      expect(await q.dump()).toMatchObject({ nextUp: ['back'], archived: { r: expect.anything() } });
    });
  });
}
