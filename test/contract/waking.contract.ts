import type { TestQueue } from '@nestjs-asynq/core/testing';
import { describe, expect, it } from 'vitest';
import { Hearing } from './hearing.js';

/** Longer than any test takes. */
const LONG_MS = 60_000;
const SHORT_MS = 20;

type Watch = NonNullable<Awaited<ReturnType<TestQueue['broker']['openWatch']>>>;

/** Watches of one queue, closed at the end of the test. */
async function openWatches(q: TestQueue, count: number): Promise<Watch[] & AsyncDisposable> {
  const watches = await Promise.all(Array.from({ length: count }, () => q.broker.openWatch(q.name)));
  const open = watches.filter((watch) => watch !== undefined);
  expect(open).toHaveLength(count);
  return Object.assign(open, {
    async [Symbol.asyncDispose]() {
      await Promise.all(open.map((watch) => watch.close()));
    },
  });
}

/** What every broker promises about sleeping until there is work. */
export function describeWaking(backend: string, openQueue: () => TestQueue): void {
  describe(`waking on ${backend}`, () => {
    it('sees a task that is pending already, and changes nothing', async () => {
      await using q = openQueue();
      await using watches = await openWatches(q, 1);
      await q.seed({ pending: ['first', 'second'] });
      const before = await q.dump();

      expect(await watches[0]!.peek(LONG_MS)).toBe(true);

      expect(await q.dump()).toEqual(before);
    });

    it.each([
      ['enqueued', (q: TestQueue) => q.broker.enqueue([{ message: q.message('new') }])],
      ['forwarded', (q: TestQueue) => q.broker.forwardDue(q.name, 10)],
      [
        'requeued',
        (q: TestQueue) => {
          const outcome = { kind: 'requeue' } as const;
          return q.broker.settle(q.name, [{ message: q.message('running'), claim: q.claim('running'), outcome }]);
        },
      ],
      ['recovered', (q: TestQueue) => q.broker.recoverExpired(q.name, { graceMs: 0, maxCrashes: 1, limit: 10 })],
    ])('wakes every watch when a task is %s', async (_, act) => {
      await using q = openQueue();
      await using watches = await openWatches(q, 2);
      await q.seed({ active: ['running'], scheduled: { due: 1 } });
      await q.inject({
        active: ['lost'],
        leases: { lost: 1 },
        tasks: { lost: { msg: Buffer.from('?'), state: 'active' } },
      });
      await q.clock.advance(1);
      const peeks = watches.map((watch) => watch.peek(LONG_MS));

      await act(q);

      expect(await Promise.all(peeks)).toEqual([true, true]);
    });

    it('gives up a peek after its timeout', async () => {
      await using q = openQueue();
      await using watches = await openWatches(q, 1);
      const peek = watches[0]!.peek(SHORT_MS);

      await q.clock.advance(SHORT_MS);

      expect(await peek).toBe(false);
    });

    it('wakes as many idle servers as there are tokens', async () => {
      await using q = openQueue();
      await using watches = await openWatches(q, 3);
      const woken = new Hearing<boolean>();
      const waits = watches.map((watch) => watch.awaitToken(LONG_MS).then(woken.listener));

      await q.broker.wakeIdle(q.name, 1);
      await woken.times(1);
      await q.broker.wakeIdle(q.name, 1);
      await woken.times(2);
      await Promise.all(watches.map((watch) => watch.close()));
      await Promise.all(waits);

      expect(woken.heard).toEqual([true, true, false]);
    });

    it('keeps a token for the next one who asks, for one only', async () => {
      await using q = openQueue();
      await using watches = await openWatches(q, 1);
      await q.broker.wakeIdle(q.name, 1);

      expect(await watches[0]!.awaitToken(LONG_MS)).toBe(true);
      const second = watches[0]!.awaitToken(SHORT_MS);
      await q.clock.advance(SHORT_MS);
      expect(await second).toBe(false);
    });

    it('tops tokens up instead of heaping them', async () => {
      await using q = openQueue();
      await using watches = await openWatches(q, 1);
      await q.broker.wakeIdle(q.name, 1);
      await q.broker.wakeIdle(q.name, 1);
      await watches[0]!.awaitToken(LONG_MS);

      const second = watches[0]!.awaitToken(SHORT_MS);
      await q.clock.advance(SHORT_MS);

      expect(await second).toBe(false);
    });

    it('leaves 64 tokens at most', async () => {
      await using q = openQueue();
      await using watches = await openWatches(q, 1);
      await q.broker.wakeIdle(q.name, 1_000);
      for (let taken = 0; taken < 64; taken++) await watches[0]!.awaitToken(LONG_MS);

      const another = watches[0]!.awaitToken(SHORT_MS);
      await q.clock.advance(SHORT_MS);

      expect(await another).toBe(false);
    });

    it('leaves nothing in the queue that asynq would not know', async () => {
      await using q = openQueue();
      const before = await q.dump();

      await q.broker.wakeIdle(q.name, 5);

      expect(await q.dump()).toEqual(before);
    });

    it('ends a wait under way when it is closed, and waits no more', async () => {
      await using q = openQueue();
      await using watches = await openWatches(q, 2);
      const waits = [watches[0]!.peek(LONG_MS), watches[1]!.awaitToken(LONG_MS)];

      await Promise.all(watches.map((watch) => watch.close()));

      expect(await Promise.all(waits)).toEqual([false, false]);
      expect(await watches[0]!.peek(LONG_MS)).toBe(false);
      expect(await watches[1]!.awaitToken(LONG_MS)).toBe(false);
    });

    it('counts the tasks that wait', async () => {
      await using q = openQueue();
      await q.seed({ pending: ['1', '2'], active: ['3'], scheduled: { '4': 1 } });

      expect(await q.broker.waitingCount(q.name)).toBe(2);
    });
  });
}
