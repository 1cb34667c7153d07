import { Client, Inspector, silentLogger } from '@nestjs-asynq/core';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CommandCount } from '../support/command-count.js';
import { type RedisCluster, type RedisServer, startCluster, startRedis } from '../support/redis-server.js';

const QUEUES = Array.from({ length: 200 }, (_, n) => `queue-${n}`);

describe.each(['a server', 'a cluster'])('the scripts on %s', (kind) => {
  let redis: RedisServer | RedisCluster;
  let nodes: Redis[];
  let inspector: Inspector;

  beforeAll(async () => {
    redis = kind === 'a server' ? await startRedis() : await startCluster();
    const addresses = 'addresses' in redis ? redis.addresses : [{ host: redis.host, port: redis.port }];
    nodes = addresses.map((address) => new Redis(address));
    const connection = 'addresses' in redis ? { cluster: redis.addresses } : { url: redis.url };
    await using client = new Client({ connection, logger: silentLogger });
    for (const queue of QUEUES) await client.enqueue('task', {}, { queue });
    await Promise.all(nodes.map((node) => node.script('FLUSH')));
    inspector = new Inspector({ connection, logger: silentLogger });
  });

  afterAll(async () => {
    await inspector.close();
    for (const node of nodes) node.disconnect();
    await redis.stop();
  });

  /** Calls with a script's text, and by its name, on each node. */
  async function callsDuring(work: () => Promise<unknown>): Promise<{ texts: number[]; names: number }> {
    const before = await Promise.all(nodes.map((node) => CommandCount.read(node)));
    await work();
    const after = await Promise.all(nodes.map((node) => CommandCount.read(node)));
    const calls = after.map((count, n) => count.since(before[n]!).calls);
    return {
      texts: calls.map((own) => own['eval'] ?? 0),
      names: calls.reduce((sum, own) => sum + (own['evalsha'] ?? 0), 0),
    };
  }

  const readAll = () => Promise.all(QUEUES.map((queue) => inspector.queueInfo(queue)));

  it('are loaded once for many calls that begin together, and again when they were lost', async () => {
    const first = await callsDuring(readAll);
    await Promise.all(nodes.map((node) => node.script('FLUSH')));
    const lost = await callsDuring(readAll);

    const once = nodes.map(() => 1);
    // Each call by its name, in the first round after one that found it missing on each node.
    expect(first).toEqual({ texts: once, names: QUEUES.length });
    expect(lost.texts).toEqual(once);
    expect(lost.names).toBeLessThan(2 * QUEUES.length);
  });

  it('are sent by their names afterwards', async () => {
    expect(await callsDuring(readAll)).toEqual({ texts: nodes.map(() => 0), names: QUEUES.length });
  });
});
