import { Client, Inspector } from '@nestjs-asynq/core';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { WorkerProcess, type WorkerOptions } from '../support/worker-process.js';

const GROUPS = 12;
const MEMBERS = 5;
const IDS = Array.from({ length: GROUPS * MEMBERS }, (_, n) => `task-${n}`);

describe('a server that dies while it aggregates', () => {
  let redis: RedisServer;
  let client: Client;
  let inspector: Inspector;
  let hands: Redis;

  beforeAll(async () => {
    redis = await startRedis();
    client = new Client({ connection: { url: redis.url } });
    inspector = new Inspector({ connection: { url: redis.url } });
    hands = new Redis(redis.url);
  });

  afterAll(async () => {
    hands.disconnect();
    await client.close();
    await inspector.close();
    await redis.stop();
  });

  const settings = (queue: string): WorkerOptions => ({
    connection: { url: redis.url },
    queues: { [queue]: 1 },
    groupAggregator: { gracePeriod: '1s' },
  });

  /** Ids of the aggregated tasks, once per aggregation. */
  const aggregated = async (queue: string): Promise<string[]> => {
    const sums = await inspector.listTasks(queue, 'scheduled', { size: 100 });
    return sums.flatMap(({ payload }) => JSON.parse(Buffer.from(payload).toString()) as string[]);
  };

  const waiting = async (queue: string): Promise<string[]> => {
    const groups = await hands.smembers(`asynq:{${queue}}:groups`);
    const sets = await hands.zrange(`asynq:{${queue}}:aggregation_sets`, '0', '-1');
    const keys = [...groups.map((group) => `asynq:{${queue}}:g:${group}`), ...sets];
    return (await Promise.all(keys.map((key) => hands.zrange(key, '0', '-1')))).flat();
  };

  /** As if the two minutes of all sets had passed. */
  const endSets = async (queue: string): Promise<void> => {
    const key = `asynq:{${queue}}:aggregation_sets`;
    for (const set of await hands.zrange(key, '0', '-1')) await hands.zadd(key, 1, set);
  };

  it.each([1, 5])('leaves each task in one place, dead in call %i', async (hangAt) => {
    const queue = `dead-in-${hangAt}`;
    await client.enqueueMany(
      IDS.map((taskId, n) => ({ type: 'quick', options: { queue, taskId, group: `group-${n % GROUPS}` } })),
    );
    await using victim = await WorkerProcess.start(settings(queue), { hangAt });
    await victim.until((reports) => reports.filter(({ kind }) => kind === 'aggregating').length >= hangAt);

    await victim.kill();
    const [done, left] = [await aggregated(queue), await waiting(queue)];
    await endSets(queue);
    await using heir = await WorkerProcess.start(settings(queue));
    await heir.until((reports) => {
      const taken = new Set(reports.filter(({ kind }) => kind === 'aggregating').map(({ id }) => id));
      return taken.size >= left.length / MEMBERS;
    });
    await heir.terminate(); // its last aggregation is stored by then

    expect([...done, ...left].sort()).toEqual([...IDS].sort());
    expect(left.length).toBeGreaterThanOrEqual(MEMBERS);
    expect((await aggregated(queue)).sort()).toEqual([...IDS].sort());
    expect(await waiting(queue)).toEqual([]);
  });
});
