import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client, Inspector, Server, silentLogger, SkipRetry } from '@nestjs-asynq/core';
import { QueueMetrics } from '@nestjs-asynq/core/metrics';
import { Redis } from 'ioredis';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { hasGoPeer } from '../support/go-peer.js';
import { buildGoProgram } from '../support/go-program.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';

const SOURCE = join(import.meta.dirname, 'asynq-exporter');
const BINARY = join(import.meta.dirname, '../../node_modules/.cache/nestjs-asynq/asynq-exporter');

/** Metrics as text, by line without the value; `# HELP …` and `# TYPE …` lines have none. */
function read(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '');
  return new Map(
    lines.map((line) => {
      const end = line.startsWith('#') ? line.length : line.lastIndexOf(' ');
      return [line.slice(0, end), Number(line.slice(end))];
    }),
  );
}

/** Measured at another moment. */
const CHANGES = /^asynq_queue_latency_seconds/;
/** Go's estimate leaves the key of a group out. */
const MEMORY_OF_GROUPS = 'asynq_queue_memory_usage_approx_bytes{queue="mail"}';

describe.skipIf(!hasGoPeer)("asynq's exporter and ours on the same Redis", () => {
  let redis: RedisServer;
  let theirs: Map<string, number>;
  let ours: Map<string, number>;
  let groupBytes: number | null;

  beforeAll(async () => {
    buildGoProgram(SOURCE, BINARY);
    redis = await startRedis();
    const connection = { url: redis.url };
    const client = new Client({ connection, logger: silentLogger, partitions: { wide: 2 } });
    const server = new Server({ connection, queues: { mail: 1 }, concurrency: 1, logger: silentLogger });
    await client.enqueue('ok', 1, { queue: 'mail' });
    await client.enqueue('kept', 1, { queue: 'mail', retention: '1h' });
    await client.enqueue('fail', 1, { queue: 'mail' });
    await client.enqueue('skip', 1, { queue: 'mail' });
    await server.start((_payload, { type }) => {
      if (type === 'fail') throw new Error('no such mailbox');
      if (type === 'skip') throw new SkipRetry('never');
    });
    const inspector = new Inspector({ connection, logger: silentLogger });
    const isDone = async (): Promise<void> => expect((await inspector.queueInfo('mail')).processedTotal).toBe(4);
    await vi.waitFor(isDone, 20_000);
    await server.shutdown();
    for (let i = 0; i < 7; i++) await client.enqueue('wait', { i }, { queue: 'mail' });
    await client.enqueue('later', 1, { queue: 'mail', processIn: '1h' });
    await client.enqueue('part', 1, { queue: 'mail', group: 'digest' });
    await client.enqueue('held', 'x'.repeat(5_000), { queue: 'paused' });
    await inspector.pauseQueue('paused');
    await client.enqueue('spread', 1, { queue: 'wide' });

    theirs = read((await promisify(execFile)(BINARY, ['-redis', `127.0.0.1:${redis.port}`])).stdout);
    const store = new Redis(redis.url);
    groupBytes = await store.memory('USAGE', 'asynq:{mail}:g:digest');
    store.disconnect();
    const registry = new Registry();
    new QueueMetrics({ connections: [{ inspector }], memory: true, logger: silentLogger }).register(registry);
    ours = read(await registry.metrics());
    await inspector.close();
    await client.close();
  });

  afterAll(async () => {
    await redis?.stop();
  });

  it('have the same names, types and help texts', () => {
    const heads = [...theirs.keys()].filter((line) => line.startsWith('#'));

    expect(heads).toHaveLength(14);
    expect(heads.filter((line) => !ours.has(line))).toEqual([]);
  });

  it('have the same series with the same values, but for the keys of groups in the estimate of the memory', () => {
    const series = [...theirs].filter(([line]) => !line.startsWith('#') && !CHANGES.test(line));
    const ordinary = series.filter(([line]) => !line.includes('queue="wide'));

    expect(ordinary).toHaveLength(2 * 11);
    const differing = ordinary.filter(([line, value]) => ours.get(line) !== value);
    expect(differing.map(([line, value]) => [line, ours.get(line)! - value])).toEqual([[MEMORY_OF_GROUPS, groupBytes]]);
  });

  it('both tell how long the oldest task has waited', () => {
    const line = 'asynq_queue_latency_seconds{queue="mail"}';

    expect([theirs.get(line)! > 0, ours.get(line)! >= theirs.get(line)!]).toEqual([true, true]);
  });

  it('differ in queues that are partitioned, which are one here', () => {
    const sizes = (metrics: Map<string, number>): string[] =>
      [...metrics.keys()].filter((line) => line.startsWith('asynq_queue_size{queue="wide'));

    expect(sizes(ours)).toEqual(['asynq_queue_size{queue="wide"}']);
    expect(sizes(theirs).length).toBeGreaterThan(1);
  });
});
