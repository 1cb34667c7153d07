import { Client, Server, silentLogger } from '@nestjs-asynq/core';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RedisCluster, startCluster } from '../../support/redis-server.js';
import { CommandCount } from '../../support/command-count.js';
import { printFigures } from './figures.js';
import { redisCpuUs } from './redis-cpu.js';

const TASKS = 30_000;
const ENQUEUE_BATCH = 1_000;
const CONCURRENCY = 500;

/** Of one node, so far. */
interface Reading {
  readonly cpuUs: number;
  readonly commands: CommandCount;
}

describe('one queue on a cluster of three masters', () => {
  const rows: Record<string, number | string>[] = [];
  let cluster: RedisCluster;
  let nodes: Redis[];

  beforeAll(async () => {
    cluster = await startCluster();
    nodes = cluster.nodes.map(({ url }) => new Redis(url));
  });

  afterAll(async () => {
    for (const node of nodes) node.disconnect();
    await cluster.stop();
    printFigures(`${TASKS} tasks at concurrency ${CONCURRENCY}, three masters`, rows);
  });

  const read = (): Promise<Reading[]> =>
    Promise.all(
      nodes.map(async (node) => ({ cpuUs: await redisCpuUs(node), commands: await CommandCount.read(node) })),
    );

  it.each([0, 3, 6, 12, 24])('in %d partitions', async (partitions) => {
    const queue = `load-${partitions}`;
    const connection = { cluster: cluster.addresses };
    await using client = new Client({
      connection,
      logger: silentLogger,
      partitions: partitions > 0 ? { [queue]: partitions } : {},
    });
    const before = await read();
    const ownBefore = process.cpuUsage();
    const enqueueAtMs = performance.now();
    for (let at = 0; at < TASKS; at += ENQUEUE_BATCH) {
      const items = Array.from({ length: ENQUEUE_BATCH }, (_, i) => ({
        type: 'soak',
        payload: { n: at + i },
        options: { queue },
      }));
      const written = await client.enqueueMany(items);
      expect(written.every(({ error }) => error === undefined)).toBe(true);
    }
    const enqueueMs = performance.now() - enqueueAtMs;
    let handled = 0;
    let onAll = (): void => undefined;
    const all = new Promise<void>((resolve) => (onAll = resolve));
    const worker = new Server({
      connection,
      queues: { [queue]: partitions > 0 ? { partitions } : 1 },
      concurrency: CONCURRENCY,
      maxBlockingConnections: 32,
      logger: silentLogger,
    });
    const startedAtMs = performance.now();
    await worker.start(() => {
      if (++handled === TASKS) onAll();
    });
    await all;
    const elapsedMs = performance.now() - startedAtMs;
    await worker.shutdown();
    const own = process.cpuUsage(ownBefore);
    const after = await read();

    const cpuUs = after.map((reading, at) => reading.cpuUs - before[at]!.cpuUs);
    const commands = after.map((reading, at) => reading.commands.since(before[at]!.commands).total);
    const mean = commands.reduce((sum, count) => sum + count, 0) / commands.length;
    rows.push({
      partitions: partitions || 'none',
      'enqueued/s': Math.round((TASKS / enqueueMs) * 1000),
      'handled/s': Math.round((TASKS / elapsedMs) * 1000),
      'Redis us/task': cpuUs.reduce((sum, us) => sum + us, 0) / TASKS,
      'busiest node us/task': Math.max(...cpuUs) / TASKS,
      'Node us/task': (own.user + own.system) / TASKS,
      'commands/task': (mean * commands.length) / TASKS,
      'node off the mean': `${Math.round((Math.max(...commands.map((count) => Math.abs(count - mean))) / mean) * 100)} %`,
    });
    expect(handled).toBe(TASKS);
    if (partitions > 0) for (const count of commands) expect(Math.abs(count - mean) / mean).toBeLessThan(0.15);
  });
});
