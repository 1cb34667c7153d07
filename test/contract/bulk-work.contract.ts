import { Inspector, silentLogger } from '@nestjs-asynq/core';
import { describe, expect, it, vi } from 'vitest';
import type { TestQueue } from '../support/test-queue.js';

type Outcome = Parameters<TestQueue['broker']['settle']>[1][number]['outcome'];

const COUNT = 600;
const IDS = Array.from({ length: COUNT }, (_, i) => `t${i}`);

/** Runs all pending tasks, and counts the starts of each. */
class Worker {
  readonly begun = new Map<string, number>();

  constructor(private readonly q: TestQueue) {}

  async work(outcome: Outcome, limit = COUNT): Promise<void> {
    const { broker, name } = this.q;
    const { tasks } = await broker.fetch(name, limit, 30_000);
    for (const { message } of tasks) this.begun.set(message.id, (this.begun.get(message.id) ?? 0) + 1);
    const ends = tasks.map((task) => ({ message: task.message, claim: this.q.claim(task), outcome }));
    await broker.settle(name, ends);
  }
}

/** Lets servers work after every step of bulk work. */
function between(q: TestQueue, work: (step: number) => Promise<void>): void {
  const moveTasks = q.broker.moveTasks.bind(q.broker);
  let step = 0;
  vi.spyOn(q.broker, 'moveTasks').mockImplementation(async (...args) => {
    const moved = await moveTasks(...args);
    await q.clock.advance('2s');
    await work(step++);
    return moved;
  });
}

/** Of a queue that a task was put into. */
async function inspectorOf(q: TestQueue): Promise<Inspector> {
  await q.broker.enqueue([{ message: q.message('first'), processAtMs: q.clock.nowMs() + 86_400_000 }]);
  return new Inspector({ connection: q.connection, logger: silentLogger });
}

const hours = (count: number) => Object.fromEntries(IDS.map((id) => [id, `${count}h` as const]));

/** The contract of bulk work on every broker, whatever servers do between its steps. */
export function describeBulkWork(backend: string, openQueue: () => TestQueue): void {
  describe(`bulk work on ${backend}`, () => {
    it('runs each retry task once, although its handler fails again at once', async () => {
      await using q = openQueue();
      await q.seed({ retry: hours(1) });
      const worker = new Worker(q);
      between(q, () =>
        worker.work({ kind: 'retry', retryAtMs: q.clock.nowMs() + 15_000, error: 'boom', isFailure: true }),
      );

      const moved = await (await inspectorOf(q)).runAll(q.name, 'retry');

      expect(moved).toBe(COUNT);
      expect([worker.begun.size, Math.max(...worker.begun.values())]).toEqual([COUNT, 1]);
      expect(Object.keys((await q.dump()).retry)).toHaveLength(COUNT);
    });

    it('runs each archived task once, although all are archived again', async () => {
      await using q = openQueue();
      await q.seed({ archived: hours(1) });
      const worker = new Worker(q);
      between(q, () => worker.work({ kind: 'archive', error: 'boom' }));

      const moved = await (await inspectorOf(q)).runMatching({ queue: q.name, state: 'archived', type: 'test:*' });

      expect(moved).toBe(COUNT);
      expect([worker.begun.size, Math.max(...worker.begun.values())]).toEqual([COUNT, 1]);
    });

    it('ignores tasks added during the operation, and tasks that left and came back', async () => {
      await using q = openQueue();
      await q.seed({ retry: hours(2) });
      const worker = new Worker(q);
      between(q, async (step) => {
        if (step > 0) return;
        await q.seed({ retry: { new: '3s' } });
        await q.broker.moveTasks(q.name, { state: 'retry' }, ['t599', 't598'], 'pending');
        await worker.work({ kind: 'retry', retryAtMs: q.clock.nowMs() + 5_000, error: 'boom', isFailure: true });
      });

      const deleted = await (await inspectorOf(q)).deleteAll(q.name, 'retry');

      expect(deleted).toBe(COUNT - 2);
      expect(Object.keys((await q.dump()).retry).toSorted()).toEqual(['new', 't598', 't599']);
    });

    it('deletes the pending tasks that no server has taken, and none that was requeued', async () => {
      await using q = openQueue();
      await q.seed({ pending: IDS });
      const worker = new Worker(q);
      between(q, async (step) => {
        await q.broker.enqueue([{ message: q.message(`new-${step}`) }]);
        await worker.work({ kind: 'requeue' }, 20);
      });

      const deleted = await (await inspectorOf(q)).deleteAll(q.name, 'pending');

      const { nextUp } = await q.dump();
      const left = nextUp.filter((id) => !id.startsWith('new'));
      expect(deleted + left.length).toBe(COUNT);
      expect(left.filter((id) => !worker.begun.has(id))).toEqual([]);
      expect(nextUp.filter((id) => id.startsWith('new')).length).toBeGreaterThan(0);
    });

    it('archives the tasks of a group, except those that join it during the operation', async () => {
      await using q = openQueue();
      const join = (ids: readonly string[]) =>
        q.broker.enqueue(ids.map((id) => ({ message: q.message(id, { groupKey: 'digest' }) })));
      await join(IDS);
      between(q, async (step) => void (await join([`new-${step}`])));

      const archived = await (await inspectorOf(q)).archiveAll(q.name, 'aggregating', { group: 'digest' });

      expect(archived).toBe(COUNT);
      expect(Object.keys((await q.dump()).groups['digest']!).toSorted()).toEqual(['new-0', 'new-1', 'new-2']);
    });
  });
}
