import { Inspector, RedisCommandError, silentLogger, TaskStateError } from '@nestjs-asynq/core';
import { describe, expect, it, vi } from 'vitest';
import type { TestQueue } from '../support/test-queue.js';

type Broker = TestQueue['broker'];

/** The writing calls while a task changes its queue. */
const STEPS = ['enqueue', 'moveTasks', 'reschedule', 'forwardDue'] as const;

/** Does something before the nth of these calls; returns how many there were. */
function before(broker: Broker, nth: number, act: () => Promise<void>): () => number {
  let calls = 0;
  for (const step of STEPS) {
    const call = broker[step].bind(broker) as (...args: unknown[]) => Promise<never>;
    vi.spyOn(broker, step).mockImplementation(async (...args: unknown[]) => {
      if (calls++ === nth) await act();
      return call(...args);
    });
  }
  return () => calls;
}

/** The contract of every broker for moving a task to another queue. */
export function describeChangingQueues(backend: string, openQueue: () => TestQueue): void {
  describe(`changing queues on ${backend}`, () => {
    const open = async (state: 'pending' | 'retry' | 'aggregating') => {
      const q = openQueue();
      const groupKey = state === 'aggregating' ? 'digest' : '';
      await q.broker.enqueue([{ message: q.message('t', { groupKey }) }]);
      if (state === 'retry') {
        const { tasks } = await q.broker.fetch(q.name, 1, 30_000);
        const outcome = { kind: 'retry', retryAtMs: q.clock.nowMs() + 5_000, error: 'boom', isFailure: true } as const;
        await q.broker.settle(q.name, [{ message: tasks[0]!.message, claim: q.claim(tasks[0]!), outcome }]);
      }
      const target = openQueue();
      const inspector = new Inspector({ connection: q.connection, logger: silentLogger, clock: q.clock });
      return { q, inspector, target: target.name, broker: q.broker };
    };

    it.each(['pending', 'retry', 'aggregating'] as const)(
      'leaves a %s task in one place, whatever the step at which servers fetch from both queues',
      async (state) => {
        for (let nth = 0, calls = Infinity; nth < calls; nth++) {
          const { q, inspector, target, broker } = await open(state);
          const fetch = broker.fetch.bind(broker);
          const forwardDue = broker.forwardDue.bind(broker);
          const begun: string[] = [];
          const work = async (): Promise<void> => {
            for (const queue of [q.name, target]) {
              await forwardDue(queue, 10);
              begun.push(...(await fetch(queue, 10, 30_000)).tasks.map(({ message }) => message.queue));
            }
          };
          const count = before(broker, nth, work);

          const answer = await inspector.moveToQueue(q.name, 't', target).then(
            () => 'moved' as const,
            (error: unknown) => error,
          );
          calls = count();
          vi.restoreAllMocks();

          const [here, there] = [await broker.findTask(q.name, 't'), await broker.findTask(target, 't')];
          expect([begun.length <= 1, Number(!!here) + Number(!!there)], `at call ${nth}`).toEqual([true, 1]);
          if (answer === 'moved') expect([here, there?.message.queue]).toEqual([undefined, target]);
          else expect([answer, there]).toEqual([expect.any(TaskStateError), undefined]);
          await q[Symbol.asyncDispose]();
        }
      },
    );

    it.each([
      ['pending', 'pending'],
      ['retry', 'scheduled'],
      ['aggregating', 'aggregating'],
    ] as const)('takes one that is %s, to be %s there', async (state, expected) => {
      const { q, inspector, target, broker } = await open(state);
      const dueAtMs = q.clock.nowMs() + 5_000;

      await inspector.moveToQueue(q.name, 't', target);

      const moved = await broker.findTask(target, 't');
      expect(moved).toMatchObject({ state: expected, message: { queue: target } });
      if (state === 'retry') expect(moved!.nextProcessAtMs).toBe(dueAtMs);
      expect(await broker.findTask(q.name, 't')).toBeUndefined();
      await q[Symbol.asyncDispose]();
    });

    it('counts the original as removed when only the reply was lost', async () => {
      const { q, inspector, target, broker } = await open('pending');
      const moveTasks = broker.moveTasks.bind(broker);
      vi.spyOn(broker, 'moveTasks').mockImplementationOnce(async (...args) => {
        await moveTasks(...args);
        throw new RedisCommandError('delete-tasks', true, { cause: new Error('Connection is closed.') });
      });

      await inspector.moveToQueue(q.name, 't', target);

      expect([await broker.findTask(q.name, 't'), (await broker.findTask(target, 't'))?.state]).toEqual([
        undefined,
        'pending',
      ]);
      await q[Symbol.asyncDispose]();
    });

    it('leaves no copy when Redis refuses to remove the original', async () => {
      const { q, inspector, target, broker } = await open('pending');
      const refusal = new RedisCommandError('delete-tasks', false, { cause: new Error('NOPERM') });
      vi.spyOn(broker, 'moveTasks').mockRejectedValueOnce(refusal);

      await expect(inspector.moveToQueue(q.name, 't', target)).rejects.toBe(refusal);

      expect([(await broker.findTask(q.name, 't'))?.state, await broker.findTask(target, 't')]).toEqual([
        'pending',
        undefined,
      ]);
      await q[Symbol.asyncDispose]();
    });
  });
}
