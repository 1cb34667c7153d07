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

  it('makes one task of the tasks that Go put into a group', async () => {
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

  it('has a server of Go join our scheduled tasks to their group, where Go finds them', async () => {
    await using client = new Client({ connection: { url: redis.url } });
    await go.serve({ queues: { late: 1 }, concurrency: 1, taskCheckIntervalMs: 20, delayedTaskCheckIntervalMs: 50 });

    await client.enqueue('news:item', { n: 1 }, { queue: 'late', group: 'digest', processIn: '1s', taskId: 'one' });

    await vi.waitFor(async () => expect(await go.groups('late')).toEqual([{ group: 'digest', size: 1 }]), 20_000);
    expect(await go.taskInfo('late', 'one')).toMatchObject({ state: 'aggregating', group: 'digest' });
    await go.shutdown();
    expect(go.handled).toEqual([]);
  });
});
