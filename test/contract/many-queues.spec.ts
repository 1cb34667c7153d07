import { setTimeout as delay } from 'node:timers/promises';
import { Client, openBroker, Server } from '@nestjs-asynq/core';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CommandCount } from '../support/command-count.js';
import { Conditions } from '../support/conditions.js';
import { quiet } from '../support/quiet.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';

const QUEUES = 1_000;
/** The measurement is per time. */
const WATCHED_MS = 6_000;

const { logger } = quiet();

/** Batches of commands that Redis has read from its connections. */
async function readsOf(redis: Redis): Promise<number> {
  return Number(/total_reads_processed:(\d+)/.exec(await redis.info('stats'))![1]);
}

describe(`a server of ${QUEUES} queues`, () => {
  const names = Array.from({ length: QUEUES }, (_, index) => `queue-${index}`);
  const conditions = new Conditions();
  const started: string[] = [];
  let redis: RedisServer;
  let admin: Redis;
  let client: Client;
  let server: Server;

  beforeAll(async () => {
    redis = await startRedis();
    admin = new Redis(redis.url);
    const connection = { url: redis.url };
    client = new Client({ connection, logger });
    server = new Server({
      connection,
      logger,
      queues: Object.fromEntries(names.map((name) => [name, 1])),
      taskCheckInterval: '1h', // a task that is not reported does not start
    });
    await server.start((_payload, { id }) => {
      started.push(id);
      conditions.check();
    });
    while ((await admin.exists(...names.map((name) => `asynq:{${name}}:leader`))) < QUEUES) await delay(50);
  });

  afterAll(async () => {
    await server.shutdown();
    await client.close();
    admin.disconnect();
    await redis.stop();
  });

  it('costs under a command a second for each idle queue, and under 100 reads a second for all', async () => {
    await delay(1_000); // it looks at each queue for the first time
    const [before, readsBefore] = [await CommandCount.read(admin), await readsOf(admin)];

    await delay(WATCHED_MS);

    const spent = (await CommandCount.read(admin)).since(before);
    const seconds = spent.elapsedMs / 1_000;
    const reads = (await readsOf(admin)) - readsBefore;
    console.log(`${QUEUES} idle queues: ${(spent.total / seconds).toFixed(0)} commands a second`, spent.calls);
    expect(spent.total / seconds).toBeLessThan(QUEUES);
    expect(reads / seconds).toBeLessThan(100);
  });

  it('opens few connections', async () => {
    const list = String(await admin.client('LIST'));

    expect(list.trim().split('\n').length).toBeLessThan(30);
  });

  it('starts a task of any queue without polling, whoever pushes it', async () => {
    await client.enqueue('t', {}, { queue: names.at(-1)!, taskId: 'ours' });
    await conditions.until(() => started.includes('ours'));

    const queue = names[500]!;
    await client.enqueue('t', {}, { queue, taskId: 'foreign', processIn: '1h' });
    await admin.zrem(`asynq:{${queue}}:scheduled`, 'foreign');
    await admin.hset(`asynq:{${queue}}:t:foreign`, 'state', 'pending');
    await admin.lpush(`asynq:{${queue}}:pending`, 'foreign'); // as a Go program would
    await conditions.until(() => started.includes('foreign'));

    expect(started).toEqual(['ours', 'foreign']);
  });

  it('hands all of its queues over at shutdown', async () => {
    await server.shutdown();

    expect(await admin.exists(...names.map((name) => `asynq:{${name}}:leader`))).toBe(0);
  });
});

it('reads thousands of names in replies of a few hundred, which hold neither Redis nor the event loop', async () => {
  await using redis = await startRedis();
  const admin = new Redis(redis.url);
  const queues = Array.from({ length: 3_000 }, (_, index) => `queue-${index}`);
  await admin.sadd('asynq:queues', queues);
  await admin.sadd('asynq:schedule_queues', queues);
  const broker = openBroker({ url: redis.url }, { logger });
  await broker.ping();
  const before = await CommandCount.read(admin);

  const [named, withSchedules] = [await broker.queueNames(), await broker.scheduleQueues()];

  const { calls } = (await CommandCount.read(admin)).since(before);
  await broker.close();
  admin.disconnect();
  expect(named.toSorted()).toEqual(queues.toSorted());
  expect(withSchedules.toSorted()).toEqual(queues.toSorted());
  expect(calls['smembers']).toBeUndefined();
  expect([calls['sscan']! >= 2 * 6, calls['sscan']! <= 2 * 20]).toEqual([true, true]);
});

it('looks once for all tasks of a queue that are awaited together', async () => {
  await using redis = await startRedis();
  const admin = new Redis(redis.url);
  await using client = new Client({ connection: { url: redis.url }, logger });
  await client.enqueueMany(
    Array.from({ length: 200 }, (_, index) => ({
      type: 't',
      options: { queue: 'q', taskId: `${index}`, processIn: '1h' },
    })),
  );
  await client.enqueue('t', {}, { queue: 'q', taskId: 'ready' });
  const broker = openBroker({ url: redis.url }, { logger });
  await broker.ping();
  const before = await CommandCount.read(admin);

  const ids = [...Array.from({ length: 200 }, (_, index) => `${index}`), 'ready', 'missing'];
  const states = await Promise.all(ids.map((id) => broker.awaitTask('q', id)));

  const { calls } = (await CommandCount.read(admin)).since(before);
  await broker.close();
  admin.disconnect();
  expect(states).toEqual([...Array.from({ length: 200 }, () => 'scheduled'), 'pending', undefined]);
  expect(calls).toMatchObject({ zremrangebyscore: 1, zadd: 1, pexpire: 1, hget: 202, zscore: 1 });
});
