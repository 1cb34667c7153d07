import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { TestQueue } from '../support/test-queue.js';
import { CallRecorder } from './call-recorder.js';

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

/** The contract of every broker for waiting for work. */
export function describeWaking(backend: string, openQueue: () => TestQueue): void {
  describe(`waking on ${backend}`, () => {
    it('sees a task that is already pending, and changes nothing', async () => {
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

    it('ends a peek after its timeout', async () => {
      await using q = openQueue();
      await using watches = await openWatches(q, 1);
      const peek = watches[0]!.peek(SHORT_MS);

      await q.clock.advance(SHORT_MS);

      expect(await peek).toBe(false);
    });

    it('wakes as many idle servers as there are tokens', async () => {
      await using q = openQueue();
      await using watches = await openWatches(q, 3);
      const woken = new CallRecorder<boolean>();
      const waits = watches.map((watch) => watch.awaitToken(LONG_MS).then(woken.listener));

      await q.broker.wakeIdle(q.name, 1);
      await woken.times(1);
      await q.broker.wakeIdle(q.name, 1);
      await woken.times(2);
      await Promise.all(watches.map((watch) => watch.close()));
      await Promise.all(waits);

      expect(woken.calls).toEqual([true, true, false]);
    });

    it('keeps a token for exactly one later wait', async () => {
      await using q = openQueue();
      await using watches = await openWatches(q, 1);
      await q.broker.wakeIdle(q.name, 1);

      expect(await watches[0]!.awaitToken(LONG_MS)).toBe(true);
      const second = watches[0]!.awaitToken(SHORT_MS);
      await q.clock.advance(SHORT_MS);
      expect(await second).toBe(false);
    });

    it('tops tokens up instead of accumulating them', async () => {
      await using q = openQueue();
      await using watches = await openWatches(q, 1);
      await q.broker.wakeIdle(q.name, 1);
      await q.broker.wakeIdle(q.name, 1);
      await watches[0]!.awaitToken(LONG_MS);

      const second = watches[0]!.awaitToken(SHORT_MS);
      await q.clock.advance(SHORT_MS);

      expect(await second).toBe(false);
    });

    it('keeps at most 64 tokens', async () => {
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

    it('ends a pending wait when it is closed, and does not wait again', async () => {
      await using q = openQueue();
      await using watches = await openWatches(q, 2);
      const waits = [watches[0]!.peek(LONG_MS), watches[1]!.awaitToken(LONG_MS)];

      await Promise.all(watches.map((watch) => watch.close()));

      expect(await Promise.all(waits)).toEqual([false, false]);
      expect(await watches[0]!.peek(LONG_MS)).toBe(false);
      expect(await watches[1]!.awaitToken(LONG_MS)).toBe(false);
    });

    it('tells which of many queues have tasks that wait', async () => {
      await using q = openQueue();
      await using others = new OtherQueues(q, 70);
      const [first, second, paused] = others.names as [string, string, string];
      const last = others.names.at(-1)!;
      for (const name of [second, paused, last]) await others.push(name);
      await q.broker.pause(paused);
      await q.seed({ active: ['1'], scheduled: { '2': 1 } });

      const waiting = await q.broker.waitingQueues([q.name, ...others.names]);

      expect(waiting.toSorted()).toEqual([second, last].toSorted()); // on a cluster, in the order of the nodes' replies
      expect(await q.broker.waitingQueues([first])).toEqual([]);
      expect(await q.broker.waitingQueues([])).toEqual([]);
    });

    it('reports the first change of a watched queue that had no tasks to run, and no other', async () => {
      await using q = openQueue();
      await using others = new OtherQueues(q, 3);
      const [filled, paused, quiet] = others.names as [string, string, string];
      await others.push(filled);
      await others.push(paused);
      await q.broker.pause(paused);
      const changed = new CallRecorder<string>();
      const watch = await q.broker.watchQueues({ onChange: changed.listener, onLost: () => undefined });

      const waiting = await watch.waiting([q.name, ...others.names]);
      await q.seed({ pending: ['a'] });
      await q.broker.enqueue([{ message: q.message('b') }]);
      await q.broker.enqueue([{ message: q.message('c') }]);
      await changed.times(1);
      await others.push(filled);
      await q.broker.unpause(paused);
      await changed.times(2);
      await watch.waiting([quiet]);
      await watch.close();

      expect(waiting).toEqual([filled]);
      expect(changed.calls).toEqual([q.name, paused]);
    });

    it('reports the next change of a queue that has tasks, once', async () => {
      await using q = openQueue();
      await q.seed({ pending: ['stays'] });
      const changed = new CallRecorder<string>();
      const watch = await q.broker.watchQueues({ onChange: changed.listener, onLost: () => undefined });

      await watch.awaitChanges([q.name]);
      await q.broker.fetch(q.name, 10, 30_000, ['stays']); // leaves it, and changes nothing
      await q.broker.enqueue([{ message: q.message('a') }]);
      await changed.times(1);
      await q.broker.enqueue([{ message: q.message('b') }]);
      await q.broker.waitingQueues([q.name]); // messages sent before have arrived
      await watch.awaitChanges([q.name]);
      await q.broker.enqueue([{ message: q.message('c') }]);
      await changed.times(2);
      await watch.close();

      expect(changed.calls).toEqual([q.name, q.name]);
    });

    it('reports a change again when it is asked again, and none once it is closed', async () => {
      await using q = openQueue();
      await using others = new OtherQueues(q, 1);
      const changed = new CallRecorder<string>();
      const watch = await q.broker.watchQueues({ onChange: changed.listener, onLost: () => undefined });
      await watch.waiting([q.name]);
      await q.broker.enqueue([{ message: q.message('a') }]);
      await changed.times(1);

      const whileFilled = await watch.waiting([q.name]);
      await q.broker.fetch(q.name, 10, 30_000);
      const whenEmpty = await watch.waiting([q.name, ...others.names]);
      await q.broker.enqueue([{ message: q.message('b') }]);
      await changed.times(2);
      await watch.close();
      await others.push(others.names[0]!);
      await q.broker.waitingQueues([q.name]); // messages sent before have arrived

      expect([whileFilled, whenEmpty]).toEqual([[q.name], []]);
      expect(changed.calls).toEqual([q.name, q.name]);
    });
  });
}

/** Further queues of the same broker, purged at the end of the test. */
class OtherQueues implements AsyncDisposable {
  readonly names: readonly string[];

  constructor(
    private readonly q: TestQueue,
    count: number,
  ) {
    this.names = Array.from({ length: count }, (_, index) => `${q.name}-${index}`);
  }

  async push(name: string): Promise<void> {
    await this.q.broker.enqueue([{ message: this.q.message(randomUUID(), { queue: name }) }]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of this.names) await this.q.broker.purgeQueue(name);
  }
}
