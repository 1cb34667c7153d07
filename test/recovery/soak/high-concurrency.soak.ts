import { Client, Server, silentLogger } from '@nestjs-asynq/core';
import { Redis } from 'ioredis';
import { afterAll, describe, expect, it } from 'vitest';
import { startRedis } from '../../support/redis-server.js';
import { printFigures } from './figures.js';
import { redisCpuUs } from './redis-cpu.js';

const TASKS = 40_000;
/** Shut down when so many tasks were handled, in the middle of the load. */
const SHUTDOWN_AT = 26_000;
const ENQUEUE_BATCH = 1_000;

const HANDLERS = {
  'end at once': async (): Promise<void> => undefined,
  'take up to 50 ms': (): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.random() * 50)),
};

describe.each(Object.entries(HANDLERS))('handlers that %s', (name, handler) => {
  const rows: Record<string, number>[] = [];
  afterAll(() => printFigures(`high concurrency, handlers that ${name}`, rows));

  it.each([100, 500, 1_000, 5_000, 10_000])(
    'leave no task active after a clean shutdown at %d',
    async (concurrency) => {
      await using server = await startRedis();
      const redis = new Redis(server.url);
      await using client = new Client({ connection: { url: server.url }, logger: silentLogger });
      for (let at = 0; at < TASKS; at += ENQUEUE_BATCH) {
        await client.enqueueMany(
          Array.from({ length: ENQUEUE_BATCH }, (_, i) => ({ type: 'soak', payload: { n: at + i } })),
        );
      }
      const handled = new Set<number>();
      let calls = 0;
      let onEnough = (): void => undefined;
      const enough = new Promise<void>((resolve) => (onEnough = resolve));
      const worker = new Server({ connection: { url: server.url }, concurrency, logger: silentLogger });
      const cpuBeforeUs = await redisCpuUs(redis);
      const ownBefore = process.cpuUsage();
      const startedAtMs = performance.now();

      await worker.start(async (payload) => {
        await handler();
        handled.add((payload as { n: number }).n);
        if (++calls === SHUTDOWN_AT) onEnough();
      });
      await enough;
      const elapsedMs = performance.now() - startedAtMs;
      await worker.shutdown();
      const shutdownMs = performance.now() - startedAtMs - elapsedMs;

      const own = process.cpuUsage(ownBefore);
      const active = await redis.llen('asynq:{default}:active');
      const pending = await redis.llen('asynq:{default}:pending');
      rows.push({
        concurrency,
        'tasks/s': Math.round((SHUTDOWN_AT / elapsedMs) * 1000),
        'Redis us/task': ((await redisCpuUs(redis)) - cpuBeforeUs) / calls,
        'Node us/task': (own.user + own.system) / calls,
        'shutdown ms': Math.round(shutdownMs),
        'left active': active,
      });
      redis.disconnect();
      expect({ active, pending, twice: calls - handled.size }).toEqual({
        active: 0,
        pending: TASKS - handled.size,
        twice: 0,
      });
    },
  );
});
