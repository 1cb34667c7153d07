import { Client, Inspector, Server, silentLogger } from '@nestjs-asynq/core';
import { Redis } from 'ioredis';
import { expect, it, vi } from 'vitest';
import { startCluster } from '../support/redis-server.js';

const PATIENCE = { timeout: 60_000, interval: 20 };

it('takes and runs tasks of queues on healthy nodes while the node of the names of queues is dead', async () => {
  await using cluster = await startCluster(3, {
    args: ['--cluster-require-full-coverage', 'no', '--appendonly', 'yes', '--appendfsync', 'always'],
  });
  const admin = new Redis(cluster.nodes[0]!.url);
  const slot = await admin.cluster('KEYSLOT', 'asynq:queues');
  admin.disconnect();
  const queues = await cluster.queuePerNode('mail');
  const dead = Math.floor((slot * 3) / 16_384);
  const healthy = queues.filter((_, index) => index !== dead);
  const connection = { cluster: cluster.addresses };
  await using client = new Client({ connection, logger: silentLogger });
  const ran = new Set<string>();
  await using server = new Server({
    connection,
    queues: Object.fromEntries(healthy.map((queue) => [queue, 1])),
    logger: silentLogger,
  });
  await cluster.nodes[dead]!.kill();
  await server.start((_payload, { queue }) => void ran.add(queue));

  const outcomes = await Promise.allSettled(healthy.map((queue) => client.enqueue('email', {}, { queue })));
  await vi.waitUntil(() => ran.size === healthy.length, PATIENCE);
  await cluster.nodes[dead]!.start();
  await using inspector = new Inspector({ connection, logger: silentLogger });
  const announced = (): Promise<readonly string[]> => inspector.queues().catch(() => []);
  await vi.waitUntil(async () => (await announced()).length === healthy.length, PATIENCE);

  expect(outcomes.map(({ status }) => status)).toEqual(healthy.map(() => 'fulfilled'));
  expect((await announced()).toSorted()).toEqual(healthy.toSorted());
});
