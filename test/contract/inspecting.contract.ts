import { describe, expect, it } from 'vitest';
import type { TestQueue } from '../support/test-queue.js';

/** The contract of every broker for inspecting queues and tasks. */
export function describeInspecting(backend: string, openQueue: () => TestQueue): void {
  describe(`inspecting on ${backend}`, () => {
    it('does not know a queue that was never announced', async () => {
      await using q = openQueue();

      expect(await q.broker.queueStats(q.name)).toBeUndefined();
      expect(await q.broker.queueNames()).not.toContain(q.name);
      expect(await q.broker.hasQueue(q.name)).toBe(false);
    });

    it('knows a queue as soon as a task is enqueued to it', async () => {
      await using q = openQueue();

      await q.broker.enqueue([{ message: q.message('t') }]);

      expect(await q.broker.queueNames()).toContain(q.name);
      expect(await q.broker.hasQueue(q.name)).toBe(true);
    });

    it('counts the tasks of every state, the groups, and the attempts', async () => {
      await using q = openQueue();
      await q.broker.enqueue([{ message: q.message('settled') }]);
      const { tasks } = await q.broker.fetch(q.name, 1, 30_000);
      const settlement = { message: q.message('settled'), claim: q.claim(tasks[0]!) };
      await q.broker.settle(q.name, [{ ...settlement, outcome: { kind: 'archive', error: 'boom' } }]);
      await q.seed({
        pending: ['p1', 'p2'],
        active: ['a'],
        scheduled: { s: '1h' },
        retry: { r: '1h', member: 1 },
        completed: { c: '1h' },
      });
      await q.inject({ tasks: { member: { group: 'digest' } } });
      await q.clock.advance(1_500);
      await q.broker.forwardDue(q.name, 10);
      await q.broker.pause(q.name);

      expect(await q.broker.queueStats(q.name)).toEqual({
        counts: { pending: 2, active: 1, scheduled: 1, retry: 1, archived: 1, completed: 1, aggregating: 1 },
        groups: 1,
        processedToday: 1,
        failedToday: 1,
        processedTotal: 1,
        failedTotal: 1,
        isPaused: true,
        pausedAtMs: Math.floor(q.clock.nowMs() / 1000) * 1000,
        wrongTypeKeys: [],
        latencyMs: 1_500,
        overdueMs: 0,
      });
    });

    it('returns for how long the first task of scheduled and retry has been due', async () => {
      await using q = openQueue();
      await q.broker.enqueue([{ message: q.message('announces') }]);
      await q.seed({ scheduled: { s: '1h' }, retry: { r: '10s' } });
      const early = await q.broker.queueStats(q.name);
      await q.clock.advance('1m');
      const late = await q.broker.queueStats(q.name);
      await q.broker.forwardDue(q.name, 10);
      const forwarded = await q.broker.queueStats(q.name);

      expect([early!.overdueMs, forwarded!.overdueMs]).toEqual([0, 0]);
      expect(late!.overdueMs).toBeGreaterThan(49_000); // whole seconds, rounded up
      expect(late!.overdueMs).toBeLessThanOrEqual(50_000);
    });

    it('returns since when a queue is paused, and nothing while it is not', async () => {
      await using q = openQueue();
      await q.broker.enqueue([{ message: q.message('p') }]);
      const pausedAtMs = q.clock.nowMs();
      await q.broker.pause(q.name);
      await q.clock.advance('2h');

      const whilePaused = await q.broker.queueStats(q.name);
      await q.broker.unpause(q.name);
      const afterwards = await q.broker.queueStats(q.name);

      expect(whilePaused).toMatchObject({ isPaused: true, pausedAtMs: Math.floor(pausedAtMs / 1000) * 1000 });
      expect(afterwards).toMatchObject({ isPaused: false, pausedAtMs: undefined });
    });

    it('returns how long the next task has waited', async () => {
      await using q = openQueue();
      for (const id of ['next', 'then', 'last']) {
        await q.broker.enqueue([{ message: q.message(id) }]);
        await q.clock.advance('1s');
      }

      expect(await q.broker.queueStats(q.name)).toMatchObject({ latencyMs: 3_000 });
    });

    it('counts only the attempts of today as of today', async () => {
      await using q = openQueue();
      await q.broker.enqueue([{ message: q.message('yesterday') }]);
      const { tasks } = await q.broker.fetch(q.name, 1, 30_000);
      const settlement = { message: q.message('yesterday'), claim: q.claim(tasks[0]!) };
      await q.broker.settle(q.name, [{ ...settlement, outcome: { kind: 'done' } }]);
      await q.clock.advance('1d');

      const stats = await q.broker.queueStats(q.name);

      expect(stats).toMatchObject({
        processedToday: 0,
        failedToday: 0,
        processedTotal: 1,
        failedTotal: 0,
        latencyMs: 0,
      });
    });

    it('shows a task with its state, its result and when it will be processed, to the millisecond', async () => {
      await using q = openQueue();
      await q.seed({
        pending: ['p'],
        active: ['a'],
        scheduled: { s: 1_250 },
        retry: { r: 2_750 },
        completed: { c: '1h' },
      });
      await q.inject({ tasks: { c: { result: Buffer.from('42') }, a: { crashes: '2 0 0' } } });
      const nowMs = q.clock.nowMs();
      const find = async (id: string) => {
        const task = await q.broker.findTask(q.name, id);
        return (
          task && { ...task, message: task.message.id, result: task.result && Buffer.from(task.result).toString() }
        );
      };

      const common = { nextProcessAtMs: undefined, result: undefined, isOrphaned: false, crashes: 0 };
      expect(await find('p')).toEqual({ ...common, message: 'p', state: 'pending', nextProcessAtMs: nowMs });
      expect(await find('a')).toEqual({ ...common, message: 'a', state: 'active', crashes: 2 });
      expect(await find('s')).toEqual({ ...common, message: 's', state: 'scheduled', nextProcessAtMs: nowMs + 1_250 });
      expect(await find('r')).toEqual({ ...common, message: 'r', state: 'retry', nextProcessAtMs: nowMs + 2_750 });
      expect(await find('c')).toEqual({ ...common, message: 'c', state: 'completed', result: '42' });
      expect(await find('unknown')).toBeUndefined();
    });

    it('shows when the lease of an active task has expired', async () => {
      await using q = openQueue();
      await q.seed({ active: ['lost', 'forgotten'] });
      await q.inject({ leases: { forgotten: undefined } });
      await q.clock.advance('31s');

      expect(await q.broker.findTask(q.name, 'lost')).toMatchObject({ state: 'active', isOrphaned: true });
      expect(await q.broker.findTask(q.name, 'forgotten')).toMatchObject({ state: 'active', isOrphaned: true });
    });

    it('answers a ping and has a kind', async () => {
      await using q = openQueue();

      await q.broker.ping();
      const facts = await q.broker.facts();
      expect(await q.broker.missingRights(q.name)).toEqual([]);

      expect(facts.evictionPolicy).toBe('noeviction');
      expect(Math.abs(facts.clockSkewMs!)).toBeLessThan(1_000);
    });

    it('returns the info of its store', async () => {
      await using q = openQueue();

      const info = await q.broker.storeInfo();

      const named = (name: string) => expect.objectContaining({ [name]: expect.stringMatching(/\S/) }) as object;
      const told = { memory: {}, redis: named('redis_version'), 'redis cluster': named('cluster_state') };
      expect(info).toEqual(told[q.broker.kind as keyof typeof told]);
    });
  });
}
