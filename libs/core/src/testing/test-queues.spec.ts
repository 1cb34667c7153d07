import { describe, expect, it, vi } from 'vitest';
import { RevokeTask, SkipRetry } from '../task/signals.js';
import { Inspector } from '../inspector/inspector.js';
import { ServeMux } from '../server/run/running/serve-mux.js';
import type { FakeClock } from './fake-clock.js';
import { TestQueues } from './test-queues.js';

async function open(handlers: Record<string, (payload: unknown, queues: TestQueues) => unknown>): Promise<TestQueues> {
  const queues = new TestQueues();
  const mux = new ServeMux();
  for (const [type, handle] of Object.entries(handlers)) mux.handle(type, (payload) => handle(payload, queues));
  await queues.startServer(mux, { concurrency: 4, retryDelay: () => 3_600_000 });
  return queues;
}

/** Counts the timers that a clock fires. */
function countTimers(clock: FakeClock): () => number {
  let fired = 0;
  const setTimer = clock.setTimer.bind(clock);
  vi.spyOn(clock, 'setTimer').mockImplementation((callback, ...rest) =>
    setTimer(
      () => {
        fired += 1;
        callback();
      },
      ...rest,
    ),
  );
  return () => fired;
}

const realPause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 30));

describe('drain', () => {
  it('runs what is due, and all that follows', async () => {
    const order: unknown[] = [];
    await using queues = await open({
      first: async (_, { client }) => {
        order.push('first');
        await client.enqueueMany([{ type: 'second' }, { type: 'second' }]);
      },
      second: async (_, { client }) => {
        await realPause(); // as I/O does
        order.push('second');
        await client.enqueue('later', {}, { processIn: '1s' });
      },
      later: () => order.push('later'),
    });
    await queues.client.enqueue('first');

    const run = await queues.drain();

    expect(order).toEqual(['first', 'second', 'second']);
    expect(run).toEqual({ succeeded: 3, retried: 0, archived: 0, revoked: 0, failures: [], left: [] });
  });

  it('throws the very error of a handler, once', async () => {
    const error = new Error('the mail server is down');
    await using queues = await open({ mail: () => Promise.reject(error) });
    await queues.client.enqueue('mail');

    await expect(queues.drain()).rejects.toBe(error);

    expect(await queues.drain()).toMatchObject({ failures: [] });
  });

  it('throws the errors of several handlers together, with their types', async () => {
    await using queues = await open({
      mail: () => Promise.reject(new Error('no route')),
      call: () => Promise.reject({ busy: true }), // oxlint-disable-line typescript/prefer-promise-reject-errors
    });
    await queues.client.enqueue('mail');
    await queues.drain({ failures: 'return' });
    await queues.client.enqueueMany([{ type: 'mail' }, { type: 'call' }]);

    const failure = await queues.drain().catch((error: unknown) => error as AggregateError);

    expect(failure).toBeInstanceOf(AggregateError);
    expect((failure as AggregateError).message.split('\n').toSorted()).toEqual([
      '  call in queue "default": {"busy":true}',
      '  mail in queue "default": Error: no route',
      '2 attempts failed:',
    ]);
  });

  it('counts neither a revoked task nor an error that is no failure', async () => {
    await using queues = new TestQueues();
    const mux = new ServeMux()
      .handle('obsolete', () => Promise.reject(new RevokeTask('obsolete')))
      .handle('limited', () => Promise.reject(new Error('429')), { isFailure: () => false });
    await queues.startServer(mux);
    await queues.client.enqueueMany([{ type: 'obsolete' }, { type: 'limited' }]);

    expect(await queues.drain()).toMatchObject({ revoked: 1, retried: 1, failures: [] });
  });

  it('runs delayed tasks and retries at their times, if told to', async () => {
    const ranAtMs: number[] = [];
    await using queues = await open({
      flaky: (_, { clock }) => {
        ranAtMs.push(clock.nowMs());
        if (ranAtMs.length < 3) throw new Error('not yet');
      },
    });
    const startMs = queues.clock.nowMs();
    await queues.client.enqueue('flaky', {}, { processIn: '1d' });

    const run = await queues.drain({ withDelayed: true, failures: 'return' });

    expect(ranAtMs.map((atMs) => atMs - startMs)).toEqual([86_400_000, 90_000_000, 93_600_000]);
    expect(run).toMatchObject({ succeeded: 1, retried: 2 });
  });

  it('names the tasks that nobody takes, and does not wait for them', async () => {
    await using queues = await open({ known: () => undefined });
    await queues.client.enqueue('known', {}, { queue: 'of-go' });
    await queues.client.enqueue('known', {}, { queue: 'of-go', processIn: '1h' });

    const { left } = await queues.drain({ withDelayed: true });

    expect(left).toMatchObject([{ type: 'known', queue: 'of-go' }]);
  });

  it('runs what is behind a task of unknown type, and leaves that one', async () => {
    const ran: unknown[] = [];
    await using queues = await open({ known: (payload) => ran.push(payload) });
    await queues.client.enqueue('unknown');
    await queues.drain();
    await queues.client.enqueue('known', 1);

    const { left } = await queues.drain();

    expect(ran).toEqual([1]);
    expect(left).toMatchObject([{ type: 'unknown' }]);
  });

  it('lets each of two servers of a queue take the types that it knows', async () => {
    const ran: string[] = [];
    await using queues = new TestQueues();
    await queues.startServer(new ServeMux().handle('a', () => ran.push('a')));
    await queues.startServer(new ServeMux().handle('b', () => ran.push('b')));
    await queues.client.enqueueMany(['a', 'b', 'b', 'a'].map((type) => ({ type })));

    const { succeeded, left } = await queues.drain();

    expect(ran.toSorted()).toEqual(['a', 'a', 'b', 'b']);
    expect({ succeeded, left }).toEqual({ succeeded: 4, left: [] });
  });

  it('tells which handler does not end', async () => {
    await using queues = new TestQueues();
    await queues.startServer(
      (_, { signal }) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    );
    await queues.client.enqueue('stuck', {}, { taskId: '7' });

    await expect(queues.drain({ timeout: 20 })).rejects.toThrow('still running after 20 ms: stuck (7)');
    expect(await queues.advance('31m')).toMatchObject({ retried: 1 }); // its timeout
  });

  it('closes while a handler ignores its signal', async () => {
    const queues = await open({ stuck: () => new Promise(() => undefined) });
    await queues.client.enqueue('stuck');
    await queues.advance(1, { patience: 1 });

    await queues.close();

    expect(await queues.advance('1h')).toMatchObject({ left: [{ type: 'stuck' }] }); // requeued
  });

  it('refuses to wait where no server runs', async () => {
    await using queues = new TestQueues();

    await expect(queues.drain()).rejects.toThrow('no server runs on these queues');
  });

  it('refuses unknown options', async () => {
    await using queues = await open({ any: () => undefined });

    await expect(queues.drain({ failure: 'return' } as object)).rejects.toThrow('"failure"');
    await expect(queues.advance('1s', { patience: -1 })).rejects.toThrow('patience');
    expect(() => new TestQueues({ startAt: 'today' } as object)).toThrow('startAt');
  });

  it.each([
    ['Vitest', undefined],
    ['Jest', { toFake: ['Date', 'setTimeout', 'clearTimeout', 'setImmediate', 'queueMicrotask'] as const }],
  ])('works under the fake timers of %s', async (_, options) => {
    vi.useFakeTimers(options && { toFake: [...options.toFake] });
    try {
      await using queues = await open({ any: () => undefined });
      await queues.client.enqueue('any');
      expect(await queues.drain()).toMatchObject({ succeeded: 1 });
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('advance', () => {
  it('fires a few timers for an idle week, not some for each second', async () => {
    await using queues = await open({ any: () => undefined });
    await queues.advance('1m');
    const fired = countTimers(queues.clock);

    await queues.advance('7d');
    await queues.advance('7d');

    expect(fired()).toBeLessThan(50);
  });

  it('costs by the number of due times: a week of retries of many tasks', async () => {
    let attempts = 0;
    await using queues = await open({
      hopeless: () => {
        attempts += 1;
        throw new Error('no');
      },
    });
    await queues.client.enqueueMany(
      Array.from({ length: 200 }, () => ({ type: 'hopeless', options: { maxRetry: 5 } })),
    );
    const fired = countTimers(queues.clock);

    const run = await queues.advance('7d');

    expect(attempts).toBe(1_200);
    expect(run).toMatchObject({ retried: 1_000, archived: 200 });
    expect(fired()).toBeLessThan(200);
  });

  it('waits for what code outside of handlers does in the next turns of the event loop', async () => {
    const ranAtMs: number[] = [];
    await using queues = new TestQueues();
    const startMs = queues.clock.nowMs();
    const mux = new ServeMux()
      .handle('first', () => undefined)
      .handle('second', () => ranAtMs.push(queues.clock.nowMs() - startMs));
    const enqueueSecond = (): void => void queues.client.enqueue('second');
    await queues.startServer(mux, {
      onEvent: ({ kind, type }) => {
        if (kind === 'succeeded' && type === 'first') setImmediate(() => setImmediate(enqueueSecond));
      },
    });
    for (let hour = 1; hour <= 100; hour++) await queues.client.enqueue('first', {}, { processIn: `${hour}h` });

    await queues.advance('7d');

    expect(ranAtMs).toEqual(Array.from({ length: 100 }, (_, nth) => (nth + 1) * 3_600_000));
  });

  it('lets the event loop turn now and then', async () => {
    await using queues = await open({
      hopeless: () => {
        throw new Error('no');
      },
    });
    await queues.client.enqueueMany(Array.from({ length: 200 }, () => ({ type: 'hopeless' })));
    let turns = 0;
    const counting = setInterval(() => (turns += 1), 1);

    await queues.advance('7d');
    clearInterval(counting);

    expect(turns).toBeGreaterThan(1);
  });

  it('waits for handlers that do I/O, as long as it has patience', async () => {
    const ended: string[] = [];
    await using queues = await open({
      slow: async () => {
        await realPause();
        ended.push('slow');
      },
    });
    await queues.client.enqueue('slow', {}, { processIn: '1h' });

    await queues.advance('2h', { patience: '2s' });

    expect(ended).toEqual(['slow']);
  });

  it('keeps the lease of a handler that waits for the clock, for days', async () => {
    await using queues = new TestQueues();
    const { clock } = queues;
    const handle = (): Promise<void> => new Promise((resolve) => clock.setTimer(resolve, 3 * 86_400_000));
    await queues.startServer(handle);
    await queues.client.enqueue('long', {}, { timeout: '7d' });

    expect(await queues.advance('2d', { patience: 1 })).toMatchObject({ succeeded: 0 });
    expect(await queues.advance('2d', { patience: 1 })).toMatchObject({ succeeded: 1 });
  });

  it('deletes completed tasks whose retention has passed', async () => {
    await using queues = await open({ any: () => 'done' });
    await using inspector = new Inspector({ connection: queues.connection, clock: queues.clock });
    await queues.client.enqueue('any', {}, { retention: '1h' });
    await queues.drain();
    expect(await inspector.listTasks('default', 'completed')).toHaveLength(1);

    await queues.advance('1d');

    expect(await inspector.listTasks('default', 'completed')).toEqual([]);
  });

  it('hands the tasks of a server that was shut down to the other one', async () => {
    const ranOn: string[] = [];
    await using queues = new TestQueues();
    const first = await queues.startServer(() => ranOn.push('first'));
    await queues.startServer(() => ranOn.push('second'));
    await queues.client.enqueue('any', {}, { processIn: '1h' });
    await first.shutdown();

    await queues.advance('1h');

    expect(ranOn).toEqual(['second']);
  });

  it('archives a task that nobody knows after its hour', async () => {
    await using queues = await open({ known: () => undefined });
    await queues.client.enqueue('unknown');

    expect(await queues.advance('2h')).toMatchObject({ archived: 1, left: [] });
  });

  it('aggregates a group when its time has come', async () => {
    const sums: unknown[] = [];
    await using queues = new TestQueues();
    const mux = new ServeMux().handle('sum', (payload) => sums.push(payload));
    await queues.startServer(mux, {
      groupAggregator: {
        gracePeriod: '10m',
        aggregate: (_group, tasks) => ({ type: 'sum', payload: tasks.length }),
      },
    });
    const fired = countTimers(queues.clock);
    await queues.advance('1d');
    await queues.advance('1d');
    expect(fired()).toBeLessThan(50);

    await queues.client.enqueue('add', 1, { group: 'g' });
    await queues.client.enqueue('add', 2, { group: 'g', processIn: '5m' });
    await queues.advance('14m');
    expect(sums).toEqual([]);
    await queues.advance('2m');

    expect(sums).toEqual([2]);
    expect(queues.enqueued.map(({ type }) => type)).toEqual(['add', 'add', 'sum']);
  });
});

describe('enqueued', () => {
  it('holds what was enqueued, by whomever, until it is cleared', async () => {
    await using queues = await open({
      first: (_, { client }) =>
        client.enqueue('second', { n: 1 }, { queue: 'low', processIn: '10s', headers: { a: 'b' } }),
    });
    await queues.client.enqueue('raw', new Uint8Array([255]), { queue: 'of-go' });
    await queues.client.enqueue('first');
    await queues.drain();

    expect(queues.enqueued).toMatchObject([
      { type: 'raw', payload: new Uint8Array([255]), queue: 'of-go' },
      { type: 'first', payload: undefined, queue: 'default', processInMs: 0, maxRetry: 25 },
      { type: 'second', payload: { n: 1 }, queue: 'low', processInMs: 10_000, headers: { a: 'b' } },
    ]);
    queues.clear();
    expect(queues.enqueued).toEqual([]);
  });

  it('leaves out what was refused', async () => {
    await using queues = new TestQueues();
    await queues.client.enqueue('any', {}, { taskId: '1' });
    await expect(queues.client.enqueue('any', {}, { taskId: '1' })).rejects.toThrow('1');

    expect(queues.enqueued).toHaveLength(1);
  });
});

it('archives with SkipRetry at once', async () => {
  await using queues = await open({ never: () => Promise.reject(new SkipRetry('never')) });
  await queues.client.enqueue('never');

  await expect(queues.drain()).rejects.toThrow('never');
});
