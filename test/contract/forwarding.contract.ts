import { describe, expect, it } from 'vitest';
import type { TestQueue } from '../support/test-queue.js';
import { CallRecorder } from './call-recorder.js';
import { NOTHING } from './nothing.js';

/** The contract of every broker for forwarding due tasks. */
export function describeForwarding(backend: string, openQueue: () => TestQueue): void {
  describe(`forwarding on ${backend}`, () => {
    it('appends due tasks to the pending ones, in the order of their due times', async () => {
      await using q = openQueue();
      await q.seed({
        pending: ['waiting'],
        scheduled: { 'a-late': 900, 'b-early': 100, tomorrow: '1d' },
        retry: { again: 500 },
      });
      await q.clock.advance('1s');

      const reply = await q.broker.forwardDue(q.name, 100);

      expect(reply.moved).toBe(3);
      const dump = await q.dump();
      expect(dump.nextUp).toEqual(['waiting', 'b-early', 'a-late', 'again']);
      expect(Object.keys({ ...dump.scheduled, ...dump.retry })).toEqual(['tomorrow']);
      expect(dump.tasks['again']).toMatchObject({ state: 'pending', pendingSinceNs: q.clock.nowNs() });
      expect(dump.tasks['again']).not.toHaveProperty('dueAtMs');
    });

    it('is never a millisecond early, and returns the next due time', async () => {
      await using q = openQueue();
      await q.seed({ scheduled: { exact: 1_250 }, retry: { later: 1_700 } });
      const dueAtMs = q.clock.nowMs() + 1_250;
      await q.clock.advance(1_249);

      expect(await q.broker.forwardDue(q.name, 100)).toEqual({ moved: 0, nextDueAtMs: dueAtMs });
      await q.clock.advance(1);
      expect(await q.broker.forwardDue(q.name, 100)).toEqual({ moved: 1, nextDueAtMs: dueAtMs + 450 });
      expect(await q.dump()).toMatchObject({ nextUp: ['exact'], scheduled: NOTHING });
    });

    it('finds what has become due beside tasks that it knew and that are gone', async () => {
      await using q = openQueue();
      await q.seed({ retry: { gone: 900, known: 950 } });
      await q.clock.advance(500);
      await q.broker.forwardDue(q.name, 2);
      await q.broker.moveTasks(q.name, { state: 'retry' }, ['gone'], 'deleted');
      await q.seed({ retry: { added: 460 } });
      await q.clock.advance(500);

      expect(await q.broker.forwardDue(q.name, 2)).toMatchObject({ moved: 2 });
      expect(await q.dump()).toMatchObject({ nextUp: ['known', 'added'], retry: NOTHING });
    });

    it('never returns a time after the next task is due', async () => {
      await using q = openQueue();
      await q.seed({ scheduled: { far: 90_500 } });
      const dueAtMs = q.clock.nowMs() + 90_500;

      const { nextDueAtMs } = await q.broker.forwardDue(q.name, 100);

      expect(nextDueAtMs).toBeGreaterThan(dueAtMs - 1_000);
      expect(nextDueAtMs).toBeLessThanOrEqual(dueAtMs);
    });

    it('returns no next time when nothing waits', async () => {
      await using q = openQueue();

      expect(await q.broker.forwardDue(q.name, 100)).toEqual({ moved: 0, nextDueAtMs: undefined });
    });

    it('uses the whole second of a task without an exact time, as Go writes it', async () => {
      await using q = openQueue();
      await q.seed({ scheduled: { go: 1_000 } });
      await q.inject({ tasks: { go: { dueAtMs: undefined } } });
      await q.clock.advance(999);

      expect(await q.broker.forwardDue(q.name, 100)).toMatchObject({ moved: 0 });
      await q.clock.advance(1);
      expect(await q.broker.forwardDue(q.name, 100)).toMatchObject({ moved: 1 });
    });

    it('moves at most the given number, and reports that there are more', async () => {
      await using q = openQueue();
      await q.seed({ scheduled: { a: 1, b: 2, c: 3 } });
      await q.clock.advance('1s');

      const first = await q.broker.forwardDue(q.name, 2);
      const second = await q.broker.forwardDue(q.name, 2);

      expect(first.moved).toBe(2);
      expect(first.nextDueAtMs).toBeLessThanOrEqual(q.clock.nowMs());
      expect(second).toEqual({ moved: 1, nextDueAtMs: undefined });
      expect((await q.dump()).nextUp).toEqual(['a', 'b', 'c']);
    });

    it('finds a due task behind many others that are due later in the same second', async () => {
      await using q = openQueue();
      const others = Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`others-${at}`, 900]));
      await q.seed({ scheduled: { ...others, 'z-first': 100 } });
      await q.clock.advance(100);

      const reply = await q.broker.forwardDue(q.name, 5);

      expect(reply).toEqual({ moved: 1, nextDueAtMs: q.clock.nowMs() + 800 });
      expect((await q.dump()).nextUp).toEqual(['z-first']);
    });

    it('keeps the order of due times for any number of tasks, and of the ids when they are equal', async () => {
      await using q = openQueue();
      const dueIn = new Map(Array.from({ length: 1_500 }, (_, n) => [`t-${n}`, 1 + ((n * 7_919) % 200) * 5]));
      await q.seed({ scheduled: Object.fromEntries(dueIn) });
      await q.clock.advance('1s');

      while ((await q.broker.forwardDue(q.name, 400)).moved > 0);

      const inOrder = [...dueIn.keys()].sort().sort((a, b) => dueIn.get(a)! - dueIn.get(b)!);
      expect((await q.dump()).nextUp).toEqual(inOrder);
    });

    it.each([1, 1_200])(
      'starts a task at its new time after it is rescheduled within the current second, among %i others',
      async (size) => {
        await using q = openQueue();
        const others = Object.fromEntries(Array.from({ length: size }, (_, n) => [`o-${n}`, 950]));
        await q.seed({ scheduled: { sooner: 900, later: 300, ...others } });
        await q.clock.advance(100);
        const seen = await q.broker.forwardDue(q.name, 100);
        const startMs = q.clock.nowMs() - 100;
        await q.broker.reschedule(q.name, { state: 'scheduled' }, 'sooner', startMs + 300);
        await q.broker.reschedule(q.name, { state: 'scheduled' }, 'later', startMs + 800);

        await q.clock.advance(200);
        const first = [await q.broker.forwardDue(q.name, 100), (await q.dump()).nextUp] as const;
        await q.clock.advance(500);
        const second = [await q.broker.forwardDue(q.name, 100), (await q.dump()).nextUp] as const;

        expect(seen).toEqual({ moved: 0, nextDueAtMs: startMs + 300 });
        expect(first).toEqual([{ moved: 1, nextDueAtMs: startMs + 800 }, ['sooner']]);
        expect(second).toEqual([{ moved: 1, nextDueAtMs: startMs + 950 }, ['sooner', 'later']]);
      },
    );

    it('finds a task that is added to many others of the current second', async () => {
      await using q = openQueue();
      await q.seed({ scheduled: Object.fromEntries(Array.from({ length: 1_200 }, (_, n) => [`o-${n}`, 950])) });
      await q.clock.advance(100);
      await q.broker.forwardDue(q.name, 100);
      await q.broker.enqueue([{ message: q.message('new'), processAtMs: q.clock.nowMs() + 200 }]);

      await q.clock.advance(200);

      expect(await q.broker.forwardDue(q.name, 100)).toEqual({ moved: 1, nextDueAtMs: q.clock.nowMs() + 650 });
      expect((await q.dump()).nextUp).toEqual(['new']);
    });

    it('moves each task once when two servers act as the leader', async () => {
      await using q = openQueue();
      const tasks = Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`t-${n}`, n]));
      await q.seed({ scheduled: tasks });
      await q.clock.advance('1s');

      const both = await Promise.all([q.broker.forwardDue(q.name, 300), q.broker.forwardDue(q.name, 300)]);

      expect(both[0].moved + both[1].moved).toBe(300);
      expect((await q.dump()).nextUp.toSorted()).toEqual(Object.keys(tasks).toSorted());
    });

    it('drops ids without a message', async () => {
      await using q = openQueue();
      const nowS = q.clock.nowMs() / 1000;
      await q.inject({ scheduled: { gone: nowS }, retry: { stub: nowS }, tasks: { stub: { state: 'retry' } } });

      const { moved } = await q.broker.forwardDue(q.name, 100);

      expect(moved).toBe(0);
      expect(await q.dump()).toMatchObject({ nextUp: [], scheduled: NOTHING, retry: NOTHING, tasks: NOTHING });
    });

    it('returns a task to its group, and names the group', async () => {
      await using q = openQueue();
      await q.seed({ retry: { member: 1 } });
      await q.inject({ tasks: { member: { group: 'digest' } } });
      await q.clock.advance('2s');

      const { moved } = await q.broker.forwardDue(q.name, 100);

      expect(moved).toBe(1);
      const dump = await q.dump();
      expect(dump).toMatchObject({
        nextUp: [],
        retry: NOTHING,
        groups: { digest: { member: q.clock.nowMs() / 1000 } },
        groupNames: ['digest'],
      });
      expect(dump.tasks['member']).toMatchObject({ state: 'aggregating', group: 'digest' });
      expect(dump.tasks['member']).not.toHaveProperty('dueAtMs');
    });

    it('nudges when a task is scheduled or retried before all others, and not for a later one', async () => {
      await using q = openQueue();
      const recorder = new CallRecorder<void>();
      const stop = await q.broker.onNudge(q.name, () => recorder.listener());
      const schedule = (id: string, inMs: number) =>
        q.broker.enqueue([{ message: q.message(id), processAtMs: q.clock.nowMs() + inMs }]);
      await q.seed({ active: ['failing'] });

      await schedule('first', 60_000);
      await schedule('later', 120_000);
      await schedule('sooner', 30_000);
      const retryAtMs = q.clock.nowMs() + 90_000;
      const outcome = { kind: 'retry', retryAtMs, error: 'boom', isFailure: true } as const;
      await q.broker.settle(q.name, [{ message: q.message('failing'), claim: q.claim('failing'), outcome }]);
      await q.broker.pause(q.name);
      await q.broker.unpause(q.name);

      await recorder.times(4);
      expect(recorder.calls).toHaveLength(4);
      await stop();
    });
  });
}
