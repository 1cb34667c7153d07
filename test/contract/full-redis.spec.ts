import { Client, Inspector, Server, silentLogger, SkipRetry } from '@nestjs-asynq/core';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { openRedisQueue, type TestQueue } from '../support/test-queue.js';
import { member, takeAll } from './grouped-tasks.js';
import { shareRedis } from './shared-redis.js';

const LEASE_MS = 30_000;
const PATIENCE = { timeout: 30_000, interval: 50 };

/** The operations of a worker, each on its own queue. `prepare` runs before Redis is full. */
interface Work {
  readonly what: string;
  prepare(q: TestQueue): Promise<unknown>;
  act(q: TestQueue, prepared: never): Promise<unknown>;
  readonly expected: unknown;
}

const settle = (what: string, outcome: object): Work => ({
  what,
  prepare: (q) => q.seed({ active: ['a', 'b'] }),
  act: (q) =>
    q.broker.settle(q.name, [{ message: q.message('a'), claim: q.claim('a'), outcome: outcome as { kind: 'done' } }]),
  expected: ['settled'],
});

const WORKS: readonly Work[] = [
  {
    what: 'fetches',
    prepare: (q) => q.seed({ pending: ['a'] }),
    act: async (q) => (await q.broker.fetch(q.name, 1, LEASE_MS)).tasks.length,
    expected: 1,
  },
  {
    what: 'extends leases',
    prepare: (q) => q.seed({ active: ['a'] }),
    act: async (q) => q.broker.extendLeases(q.name, [q.claim('a')], q.claim('a').expiriesS[0]! + 9),
    expected: { lost: [], cancelRequests: [] },
  },
  settle('settles as done', { kind: 'done' }),
  settle('settles as completed', { kind: 'complete', result: Uint8Array.of(1) }),
  settle('settles as retried', { kind: 'retry', retryAtMs: 1e12, error: 'x', isFailure: true }),
  settle('settles as archived', { kind: 'archive', error: 'x' }),
  settle('gives back', { kind: 'requeue' }),
  {
    what: 'stores a result',
    prepare: (q) => q.seed({ active: ['a'] }),
    act: (q) => q.broker.writeResult(q.name, q.claim('a'), Uint8Array.of(1)),
    expected: true,
  },
  {
    what: 'forwards due tasks',
    prepare: async (q) => {
      await q.seed({ scheduled: { a: '1s' }, retry: { b: '1s' } });
      await q.clock.advance(5_000);
    },
    act: async (q) => (await q.broker.forwardDue(q.name, 10)).moved,
    expected: 2,
  },
  {
    what: 'forwards due tasks to their groups',
    prepare: async (q) => {
      await q.broker.enqueue([{ ...member(q, 'a'), processAtMs: q.clock.nowMs() + 1_000 }]);
      await q.clock.advance(5_000);
    },
    act: async (q) => (await q.broker.forwardDue(q.name, 10)).moved,
    expected: 1,
  },
  {
    what: 'recovers tasks of dead servers',
    prepare: async (q) => {
      await q.seed({ active: ['a'] });
      await q.clock.advance(3_600_000);
    },
    act: async (q) =>
      (await q.broker.recoverExpired(q.name, { graceMs: 0, maxCrashes: 5, limit: 10 })).recovered.length,
    expected: 1,
  },
  {
    what: 'archives poison',
    prepare: async (q) => {
      await q.seed({ active: ['a'] });
      await q.broker.noteAlone(q.message('a'), q.claim('a'), true);
      await q.clock.advance(3_600_000);
    },
    act: async (q) =>
      (await q.broker.recoverExpired(q.name, { graceMs: 0, maxCrashes: 0, limit: 10 })).recovered.filter(
        ({ outcome }) => outcome === 'archived',
      ).length,
    expected: 1,
  },
  {
    what: 'gives active tasks a lease',
    prepare: (q) => q.inject({ active: ['a'], tasks: { a: { msg: Uint8Array.of(1), state: 'active' } } }),
    act: async (q) => (await q.broker.repair(q.name, 10)).leasesAdded,
    expected: 1,
  },
  {
    what: 'takes a group',
    prepare: (q) => q.broker.enqueue([member(q, 'a')]),
    act: async (q) => (await takeAll(q)).tasks.length,
    expected: 1,
  },
  {
    what: 'replaces the tasks of a group',
    prepare: async (q) => {
      await q.broker.enqueue([member(q, 'a')]);
      return takeAll(q);
    },
    act: (q, set) => q.broker.finishSet(q.name, set, { message: q.message('sum') }),
    expected: { status: 'finished' },
  },
  {
    what: 'returns the tasks of a group',
    prepare: async (q) => {
      await q.broker.enqueue([member(q, 'a')]);
      return takeAll(q);
    },
    act: async (q, set) => {
      await q.broker.returnSet(q.name, set);
      return Object.keys((await q.dump()).groups['digest'] ?? {});
    },
    expected: ['a'],
  },
  {
    what: 'takes a duty',
    prepare: async () => undefined,
    act: (q) => q.broker.takeDuty(q.name, 'leader', 'one', LEASE_MS),
    expected: true,
  },
  {
    what: 'keeps a duty',
    prepare: (q) => q.broker.takeDuty(q.name, 'leader', 'one', LEASE_MS),
    act: (q) => q.broker.keepDuty(q.name, 'leader', 'one', LEASE_MS),
    expected: true,
  },
  {
    what: 'wakes idle servers',
    prepare: async () => undefined,
    act: async (q) => {
      await q.broker.wakeIdle(q.name, 1);
      const watch = await q.broker.openWatch(q.name);
      const woken = await watch!.awaitToken(1_000);
      await watch!.close();
      return woken;
    },
    expected: true,
  },
  {
    what: 'sees that a task is pending',
    prepare: (q) => q.seed({ pending: ['a'] }),
    act: async (q) => {
      const watch = await q.broker.openWatch(q.name);
      const isWaiting = await watch!.peek(1_000);
      await watch!.close();
      return isWaiting;
    },
    expected: true,
  },
  {
    what: 'takes a request to cancel',
    prepare: (q) => q.seed({ active: ['a'] }),
    act: (q) => q.broker.requestCancel(q.name, 'a', 'archive'),
    expected: true,
  },
];

describe('a full Redis that evicts nothing', () => {
  const redis = shareRedis();
  const fill = (): Promise<unknown> => redis.client.config('SET', 'maxmemory', '1');
  beforeEach(async () => void (await redis.client.config('SET', 'maxmemory', '0')));

  it.each(WORKS)('$what', async ({ prepare, act, expected }) => {
    await using q = openRedisQueue(redis.client);
    const prepared = await prepare(q);
    await fill();
    await expect(redis.client.set('any', 'thing')).rejects.toThrow('OOM');

    expect(await act(q, prepared as never)).toEqual(expected);
  });

  it('lets a server that starts now empty its queue', async () => {
    const connection = { url: `redis://127.0.0.1:${redis.client.options.port}` };
    await using client = new Client({ connection, logger: silentLogger });
    await using inspector = new Inspector({ connection, logger: silentLogger });
    const queue = 'emptied';
    const kinds = ['done', 'complete', 'archive', 'retry'];
    await client.enqueueMany(
      Array.from({ length: 48 }, (_, nth) => {
        const type = kinds[nth % kinds.length]!;
        return { type, options: { queue, ...(type === 'complete' && { retention: '1h' }) } };
      }),
    );
    await client.enqueue('done', undefined, { queue, processIn: '1s' });
    await client.enqueue('part', undefined, { queue, group: 'g' });
    await client.enqueue('long', undefined, { queue, taskId: 'long' });
    await fill();
    let sums = 0;
    let longRuns = 0;
    await using worker = new Server({
      connection,
      logger: silentLogger,
      queues: { [queue]: 1 },
      concurrency: 4,
      retryDelay: () => 100,
      leaseDuration: '3s',
      groupAggregator: { gracePeriod: '1s', aggregate: () => ({ type: 'sum' }) },
    });
    await worker.start(async (_payload, { type, retried, id }) => {
      if (type === 'archive') throw new SkipRetry('no');
      if (type === 'retry' && retried === 0) throw new Error('again');
      if (type === 'sum') sums++;
      if (id !== 'long') return;
      longRuns++;
      const leaseS = await redis.client.zscore(`asynq:{${queue}}:lease`, id);
      await vi.waitFor(
        async () =>
          expect(Number(await redis.client.zscore(`asynq:{${queue}}:lease`, id))).toBeGreaterThan(Number(leaseS) + 3),
        PATIENCE,
      );
    });

    await vi.waitFor(async () => {
      const { pending, active, scheduled, retry, aggregating, completed, archived } = await inspector.queueInfo(queue);
      expect({ pending, active, scheduled, retry, aggregating }).toEqual({
        ...{ pending: 0, active: 0, scheduled: 0, retry: 0, aggregating: 0 },
      });
      expect({ completed, archived }).toEqual({ completed: 12, archived: 12 });
    }, PATIENCE);
    expect({ sums, longRuns }).toEqual({ sums: 1, longRuns: 1 });
  });
});
