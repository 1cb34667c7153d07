import { Client, Inspector, Server, silentLogger } from '@nestjs-asynq/core';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CommandCount } from '../support/command-count.js';
import { Conditions } from '../support/conditions.js';
import { type RedisCluster, startCluster } from '../support/redis-server.js';

/** So many that heartbeats and duties, which cost by time, hardly count on a busy machine. */
const TASKS = 6_000;
const QUEUES = ['email', 'notifications', 'webhooks'];

let cluster: RedisCluster;
let nodes: Redis[];

beforeAll(async () => {
  cluster = await startCluster();
  nodes = cluster.nodes.map(({ url }) => new Redis(url));
});

afterAll(async () => {
  for (const node of nodes) node.disconnect();
  await cluster.stop();
});

/** Enqueues tasks and runs all of them; returns the commands of each node during that time. */
async function load(queue: string, partitions: number): Promise<number[]> {
  const connection = { cluster: cluster.addresses };
  const counts = partitions > 0 ? { [queue]: partitions } : {};
  await using client = new Client({ connection, logger: silentLogger, partitions: counts });
  const before = await Promise.all(nodes.map((node) => CommandCount.read(node)));
  const written = await client.enqueueMany(
    Array.from({ length: TASKS }, (_, n) => ({ type: 'load', payload: { n }, options: { queue } })),
  );
  expect(written.filter(({ error }) => error)).toEqual([]);
  const conditions = new Conditions();
  const done = new Set<string>();
  const queues = { [queue]: partitions > 0 ? { partitions } : 1 };
  const onEvent = ({ kind, id }: { readonly kind: string; readonly id: string }): void => {
    if (kind === 'succeeded') done.add(id);
    conditions.check();
  };
  // On a busy machine tasks that are held ahead return, a different number on each node.
  const options = { concurrency: 50, readAhead: 0, onEvent, logger: silentLogger } as const;
  await using server = new Server({ connection, queues, ...options });
  await server.start(() => undefined);
  await conditions.until(() => done.size === TASKS);
  const after = await Promise.all(nodes.map((node) => CommandCount.read(node)));
  return after.map((count, at) => count.since(before[at]!).total);
}

it.each(QUEUES)('spreads the commands of "%s" evenly over the nodes: within 15 percent', async (queue) => {
  const commands = await load(queue, 12);

  const mean = commands.reduce((sum, count) => sum + count, 0) / commands.length;
  expect(mean).toBeGreaterThan(TASKS);
  for (const count of commands) expect(Math.abs(count - mean) / mean).toBeLessThan(0.15);
});

it('leaves all of them to one node without partitions', async () => {
  const commands = await load('plain', 0);

  const total = commands.reduce((sum, count) => sum + count, 0);
  expect(Math.max(...commands) / total).toBeGreaterThan(0.8);
});

it('leaves no task in any partition', async () => {
  await using inspector = new Inspector({ connection: { cluster: cluster.addresses }, logger: silentLogger });

  for (const queue of QUEUES) {
    expect(await inspector.queueInfo(queue)).toMatchObject({ size: 0, processedTotal: TASKS });
  }
});
