import { Client, Server, silentLogger } from '@nestjs-asynq/core';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Conditions } from '../support/conditions.js';
import { GoPeer, hasGoPeer } from '../support/go-peer.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';

describe.skipIf(!hasGoPeer)('groups shared with Go', () => {
  let redis: RedisServer;
  let go: GoPeer;

  beforeEach(async () => {
    redis = await startRedis();
    go = new GoPeer(redis);
  });

  afterEach(async () => {
    await go[Symbol.asyncDispose]();
    await redis.stop();
  });

  async function keysLike(pattern: string): Promise<string[]> {
    const client = new Redis(redis.url);
    const found = await client.keys(pattern);
    client.disconnect();
    return found;
  }

  /** A server of ours that aggregates like Go's aggregator, and handles the results; counts the aggregated tasks. */
  async function serveSums(queue: string, mayAggregate: () => Promise<void> = async () => undefined) {
    const conditions = new Conditions();
    const sums: number[][] = [];
    const taken = { count: 0 };
    const server = new Server({
      connection: { url: redis.url },
      queues: { [queue]: 1 },
      logger: silentLogger,
      groupAggregator: {
        gracePeriod: '1s',
        aggregate: async (_, tasks) => {
          taken.count += tasks.length;
          await mayAggregate();
          return { type: 'sum:succeed', payload: tasks.map(({ payload }) => payload) };
        },
      },
    });
    await server.start((payload) => {
      sums.push(payload as number[]);
      conditions.check();
    });
    return { server, sums, taken, conditions };
  }

  const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

  const items = (queue: string, group: string, ns: readonly number[]) =>
    ns.map((n) => ({ type: 'item', queue, taskId: `item-${n}`, group, payload: Buffer.from(`${n}`) }));

  const sorted = (sums: readonly number[][]): number[] => sums.flat().toSorted((a, b) => a - b);

  /** Lets a Go server take a group, and kills it before it has aggregated it. */
  async function abandonGroup(queue: string, admin: Redis): Promise<void> {
    const victim = new GoPeer(redis);
    await victim.serve({ queues: { [queue]: 1 }, concurrency: 1, aggregate: 'hang' });
    await vi.waitFor(async () => expect(await admin.zcard(`asynq:{${queue}}:aggregation_sets`)).toBe(1), 20_000);
    await victim.kill();
  }

  /** As if the two minutes of all sets had passed. */
  async function endSets(queue: string, admin: Redis): Promise<void> {
    const key = `asynq:{${queue}}:aggregation_sets`;
    for (const set of await admin.zrange(key, '0', '-1')) await admin.zadd(key, 1, set);
  }

  it('finds tasks again that Go returned to a group without naming it, also after a restart', async () => {
    const admin = new Redis(redis.url);
    await go.enqueue(items('left', 'digest: 😀', numbers(20)));
    await abandonGroup('left', admin);
    const witness = new Server({ connection: { url: redis.url }, queues: { left: 1 }, logger: silentLogger });
    await witness.start(() => undefined);
    await vi.waitFor(async () => expect(await admin.exists('asynq:{left}:expected_groups')).toBe(1), 20_000);
    await witness.shutdown();
    await endSets('left', admin);
    await go.serve({ queues: { left: 1 }, concurrency: 1 });
    await vi.waitFor(async () => expect(await admin.exists('asynq:{left}:aggregation_sets')).toBe(0), 20_000);
    await go.shutdown();
    const groupsOfGo = await go.groups('left');

    const ours = await serveSums('left');
    await ours.conditions.until(() => ours.sums.length > 0);
    await ours.server.shutdown();
    admin.disconnect();

    expect(groupsOfGo).toEqual([]); // though twenty tasks wait there
    expect(ours.sums.map((sum) => sorted([sum]))).toEqual([numbers(20)]);
    expect(await go.queueInfo('left')).toMatchObject({ size: 0, groups: 0 });
  });

  it('returns and aggregates a set of Go that is larger than our limit', async () => {
    const admin = new Redis(redis.url);
    await go.enqueue(items('large', 'digest', numbers(2_500)));
    await abandonGroup('large', admin);
    const [set] = await admin.zrange('asynq:{large}:aggregation_sets', '0', '-1');
    const size = await admin.zcard(set!);
    await endSets('large', admin);

    const ours = await serveSums('large');
    await ours.conditions.until(() => ours.sums.flat().length >= 2_500);
    await ours.server.shutdown();
    admin.disconnect();

    expect(size).toBe(2_500);
    expect(ours.sums.map(({ length }) => length).toSorted((a, b) => b - a)).toEqual([1_000, 1_000, 500]);
    expect(sorted(ours.sums)).toEqual(numbers(2_500));
    expect(await go.queueInfo('large')).toMatchObject({ size: 0, groups: 0 });
    expect(await keysLike('asynq:{large}:g:*')).toEqual([]);
  });

  it('shares groups with a Go aggregator: no task is lost, none is in two sums', async () => {
    const PER_BURST = 600;
    const GROUPS = 60;
    const MOST_BURSTS = 10;
    await using client = new Client({ connection: { url: redis.url } });
    await go.serve({ queues: { both: 1 }, concurrency: 2, taskCheckIntervalMs: 20, aggregate: 'sum' });
    const ours = await serveSums('both', () => go.until(() => go.handled.length > 0)); // leaves some to Go
    const groupOf = (n: number): string => `digest:${n % GROUPS}`;
    let total = 0;
    let summed: number[] = [];
    const isShared = (): boolean => ours.taken.count > 0 && ours.taken.count < total;

    while (!isShared() && total < MOST_BURSTS * PER_BURST) {
      const ns = numbers(PER_BURST).map((n) => total + n);
      total += PER_BURST;
      await go.enqueue(ns.slice(0, 250).flatMap((n) => items('both', groupOf(n), [n])));
      await client.enqueueMany(
        ns.slice(250).map((n) => ({
          type: 'item',
          payload: n,
          options: { queue: 'both', group: groupOf(n), taskId: `item-${n}` },
        })),
      );
      await vi.waitFor(() => {
        summed = sorted([...ours.sums, ...go.handled.map(({ payload }) => JSON.parse(payload.toString()) as number[])]);
        expect(summed.length).toBeGreaterThanOrEqual(total);
      }, 60_000);
    }
    await ours.server.shutdown();
    await go.shutdown();

    expect(isShared()).toBe(true); // otherwise the test proves nothing
    expect(summed).toEqual(numbers(total));
    expect(await go.queueInfo('both')).toMatchObject({ size: 0, groups: 0, archived: 0 });
    expect(await keysLike('asynq:{both}:g:*')).toEqual([]);
  });

  it('combines the tasks that Go put into a group into one', async () => {
    const enqueued = await go.enqueue(
      Array.from({ length: 60 }, (_, n) => ({
        type: 'news:item',
        queue: 'grouped',
        taskId: `item-${n}`,
        group: `digest:${n % 3}`,
        payload: Buffer.from(`${n}`),
        ...(n === 0 && { uniqueMs: 3_600_000 }),
      })),
    );
    const conditions = new Conditions();
    const sums: { group: string; items: number[] }[] = [];
    const server = new Server({
      connection: { url: redis.url },
      queues: { grouped: 1 },
      logger: silentLogger,
      groupAggregator: {
        gracePeriod: '1s',
        aggregate: (group, tasks) => ({ type: 'sum', payload: { group, items: tasks.map(({ payload }) => payload) } }),
      },
    });
    await server.start((payload) => {
      sums.push(payload as (typeof sums)[number]);
      conditions.check();
    });

    await conditions.until(() => sums.length === 3);
    await server.shutdown();

    expect(enqueued.filter((one) => 'error' in one)).toEqual([]);
    const byGroup = Object.fromEntries(sums.map(({ group, items }) => [group, items.toSorted((a, b) => a - b)]));
    const every = (first: number): number[] => Array.from({ length: 20 }, (_, n) => first + 3 * n);
    expect(byGroup).toEqual({ 'digest:0': every(0), 'digest:1': every(1), 'digest:2': every(2) });
    expect(await go.groups('grouped')).toEqual([]);
    expect(await keysLike('asynq:{grouped}:unique:*')).toEqual([]); // Go leaves the lock of item-0 until its TTL
    expect(await go.queueInfo('grouped')).toMatchObject({ size: 0, groups: 0, aggregating: 0, processedTotal: 3 });
  });

  it('names the group to which a Go server has added our scheduled tasks', async () => {
    await using client = new Client({ connection: { url: redis.url } });
    await go.serve({ queues: { late: 1 }, concurrency: 1, taskCheckIntervalMs: 20, delayedTaskCheckIntervalMs: 50 });

    await client.enqueue('news:item', { n: 1 }, { queue: 'late', group: 'digest', processIn: '1s', taskId: 'one' });
    const scheduled = await go.queueInfo('late');
    await vi.waitFor(
      async () => expect(await go.taskInfo('late', 'one')).toMatchObject({ state: 'aggregating', group: 'digest' }),
      20_000,
    );
    await go.shutdown();
    await using server = new Server({ connection: { url: redis.url }, queues: { late: 1 }, logger: silentLogger });
    await server.start(() => undefined);

    await vi.waitFor(async () => expect(await go.groups('late')).toEqual([{ group: 'digest', size: 1 }]), 20_000);
    expect(scheduled).toMatchObject({ groups: 0, scheduled: 1 });
    expect(scheduled.memoryUsage).toBeGreaterThan(0);
    expect(go.handled).toEqual([]);
  });
});
