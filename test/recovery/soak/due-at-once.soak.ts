import { Client, Server, silentLogger } from '@nestjs-asynq/core';
import { Redis } from 'ioredis';
import { afterAll, expect, it } from 'vitest';
import { startRedis } from '../../support/redis-server.js';
import { printFigures } from './figures.js';
import { redisCpuUs } from './redis-cpu.js';

const ENQUEUE_BATCH = 1_000;
const CONCURRENCY = 100;
/** Tasks are enqueued at about this rate; they are due when all of them are there. */
const ENQUEUED_PER_S = 4_000;

const rows: Record<string, number | string>[] = [];
afterAll(() => printFigures('tasks that are due at one time', rows));

it.each([
  ['at one instant', 20_000, 1],
  ['at one instant', 100_000, 1],
  ['within a second', 100_000, 1_000],
])('runs tasks in their order that are due %s: %i', async (name, tasks, spreadMs) => {
  await using server = await startRedis();
  const redis = new Redis(server.url);
  await using client = new Client({ connection: { url: server.url }, logger: silentLogger });
  const secondMs = Math.ceil((Date.now() + 5_000 + (tasks / ENQUEUED_PER_S) * 1_000) / 1_000) * 1_000;
  const dueAtMs = (n: number): number => secondMs + 1 + ((n * 7_919) % spreadMs);
  for (let at = 0; at < tasks; at += ENQUEUE_BATCH) {
    await client.enqueueMany(
      Array.from({ length: ENQUEUE_BATCH }, (_, i) => ({
        type: 'soak',
        payload: { n: at + i },
        options: { processAt: new Date(dueAtMs(at + i)) },
      })),
    );
  }
  expect(Date.now()).toBeLessThan(secondMs - 1_000);

  const started: number[] = [];
  let early = 0;
  let onAll = (): void => undefined;
  const all = new Promise<void>((resolve) => (onAll = resolve));
  await redis.config('SET', 'slowlog-log-slower-than', '10000');
  const redisBeforeUs = await redisCpuUs(redis);
  const ownBefore = process.cpuUsage();
  const worker = new Server({ connection: { url: server.url }, concurrency: CONCURRENCY, logger: silentLogger });
  await worker.start((payload) => {
    const { n } = payload as { n: number };
    if (Date.now() < dueAtMs(n)) early += 1;
    if (started.push(n) === tasks) onAll();
  });
  await all;
  const doneMs = Date.now() - secondMs;
  const own = process.cpuUsage(ownBefore);
  const redisUs = (await redisCpuUs(redis)) - redisBeforeUs;
  await worker.shutdown();

  const behind = started.filter((n, i) => i > 0 && dueAtMs(n) < dueAtMs(started[i - 1]!)).length;
  const slow = (await redis.call('SLOWLOG', 'LEN')) as number;
  rows.push({
    due: name,
    tasks,
    'all begun after ms': doneMs,
    'Node us/task': (own.user + own.system) / tasks,
    'Redis us/task': redisUs / tasks,
    'out of order': behind,
    early,
    'slow commands': slow,
  });
  redis.disconnect();
  expect({ early, behind }).toEqual({ early: 0, behind: 0 });
});
