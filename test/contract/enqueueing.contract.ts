import { describe, expect, it } from 'vitest';
import type { TestQueue } from '../support/test-queue.js';
import { NOTHING } from './nothing.js';

/** The contract of every broker for enqueueing. */
export function describeEnqueueing(backend: string, openQueue: () => TestQueue): void {
  describe(`enqueueing on ${backend}`, () => {
    it('appends tasks to the pending ones, and announces the queue', async () => {
      await using q = openQueue();
      await q.seed({ pending: ['waiting'] });

      const outcomes = await q.broker.enqueue([{ message: q.message('first') }, { message: q.message('second') }]);

      expect(outcomes).toEqual([{ status: 'pending' }, { status: 'pending' }]);
      expect(await q.dump()).toMatchObject({
        nextUp: ['waiting', 'first', 'second'],
        tasks: {
          first: { state: 'pending', message: q.message('first'), pendingSinceNs: q.clock.nowNs() },
          second: { state: 'pending', message: q.message('second'), pendingSinceNs: q.clock.nowNs() },
        },
        locks: NOTHING,
        isAnnounced: true,
        strayKeys: [],
      });
      expect(await q.broker.queueNames()).toContain(q.name);
    });

    it('keeps the millisecond of a scheduled task next to a whole second that is not early', async () => {
      await using q = openQueue();
      const processAtMs = q.clock.nowMs() + 10_250;

      const outcomes = await q.broker.enqueue([{ message: q.message('later'), processAtMs }]);

      expect(outcomes).toEqual([{ status: 'scheduled' }]);
      expect(await q.dump()).toMatchObject({
        nextUp: [],
        scheduled: { later: Math.ceil(processAtMs / 1000) },
        tasks: { later: { state: 'scheduled', dueAtMs: processAtMs } },
      });
    });

    it('runs a task at once that is already due', async () => {
      await using q = openQueue();

      const outcomes = await q.broker.enqueue([{ message: q.message('due'), processAtMs: q.clock.nowMs() }]);

      expect(outcomes).toEqual([{ status: 'pending' }]);
      expect(await q.dump()).toMatchObject({ nextUp: ['due'], scheduled: NOTHING });
    });

    it.each(['pending', 'active', 'scheduled', 'retry', 'archived', 'completed'])(
      'refuses an id that exists as a task in state %s, and takes no lock for it',
      async (state) => {
        await using q = openQueue();
        const isList = state === 'pending' || state === 'active';
        await q.seed({ [state]: isList ? ['taken'] : { taken: '1h' } });
        const before = await q.dump();
        const message = q.message('taken', { uniqueKey: `asynq:{${q.name}}:unique:test:task:1` });

        const outcomes = await q.broker.enqueue([{ message, uniqueTtlS: 60 }]);

        expect(outcomes).toEqual([{ status: 'idConflict' }]);
        expect(await q.dump()).toEqual({ ...before, isAnnounced: true });
      },
    );

    it('accepts the first of two tasks with one id in one call', async () => {
      await using q = openQueue();

      const outcomes = await q.broker.enqueue([
        { message: q.message('same', { type: 'first' }) },
        { message: q.message('same', { type: 'second' }) },
      ]);

      expect(outcomes).toEqual([{ status: 'pending' }, { status: 'idConflict' }]);
      expect(await q.dump()).toMatchObject({ nextUp: ['same'], tasks: { same: { message: { type: 'first' } } } });
    });

    it('locks a unique key for the first task and returns its holder to the next ones', async () => {
      await using q = openQueue();
      const uniqueKey = `asynq:{${q.name}}:unique:test:task:1`;
      const processAtMs = q.clock.nowMs() + 5_000;

      const outcomes = await q.broker.enqueue([
        { message: q.message('holder', { uniqueKey }), uniqueTtlS: 60 },
        { message: q.message('second', { uniqueKey }), uniqueTtlS: 60 },
      ]);
      const later = await q.broker.enqueue([
        { message: q.message('third', { uniqueKey }), uniqueTtlS: 60, processAtMs },
      ]);

      expect(outcomes).toEqual([{ status: 'pending' }, { status: 'duplicate', holderId: 'holder' }]);
      expect(later).toEqual([{ status: 'duplicate', holderId: 'holder' }]);
      const dump = await q.dump();
      expect(dump).toMatchObject({ nextUp: ['holder'], scheduled: NOTHING, locks: { [uniqueKey]: 'holder' } });
      expect(Object.keys(dump.tasks)).toEqual(['holder']);
      expect(dump.tasks['holder']?.uniqueKey).toBe(uniqueKey);
    });

    it('takes no lock for a task without a lifetime for it', async () => {
      await using q = openQueue();

      await q.broker.enqueue([{ message: q.message('plain', { uniqueKey: `asynq:{${q.name}}:unique:test:task:1` }) }]);

      const dump = await q.dump();
      expect(dump).toMatchObject({ nextUp: ['plain'], locks: NOTHING });
      expect(dump.tasks['plain']).not.toHaveProperty('uniqueKey');
    });

    it('returns the outcomes for several queues in the order given', async () => {
      await using q = openQueue();
      await using other = openQueue();
      await q.seed({ pending: ['taken'] });

      const outcomes = await q.broker.enqueue([
        { message: q.message('taken') },
        { message: other.message('taken') },
        { message: q.message('later'), processAtMs: q.clock.nowMs() + 1 },
        { message: q.message('new') },
      ]);

      expect(outcomes.map(({ status }) => status)).toEqual(['idConflict', 'pending', 'scheduled', 'pending']);
      expect((await q.dump()).nextUp).toEqual(['taken', 'new']);
    });

    it('keeps the order of a large batch', async () => {
      await using q = openQueue();
      const ids = Array.from({ length: 1_200 }, (_, at) => `task-${at}`);

      const outcomes = await q.broker.enqueue(ids.map((id) => ({ message: q.message(id) })));
      const first = await q.broker.fetch(q.name, 700, 30_000);
      const second = await q.broker.fetch(q.name, 700, 30_000);

      expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set(['pending']));
      expect([...first.tasks, ...second.tasks].map(({ message }) => message.id)).toEqual(ids);
      expect([first.remaining, second.remaining]).toEqual([500, 0]);
    });

    it('is not affected when the caller changes its objects later', async () => {
      await using q = openQueue();
      const payload = Buffer.from('original');
      const headers = { trace: 'original' };
      await q.broker.enqueue([{ message: q.message('mine', { payload, headers }) }]);

      payload.write('tampered');
      headers.trace = 'tampered';

      const message = { payload: Uint8Array.from(Buffer.from('original')), headers: { trace: 'original' } };
      expect((await q.dump()).tasks['mine']).toMatchObject({ message });
    });
  });
}
