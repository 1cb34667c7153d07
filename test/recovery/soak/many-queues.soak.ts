import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Inspector, Server, silentLogger } from '@nestjs-asynq/core';
import { Redis } from 'ioredis';
import { afterAll, expect, it } from 'vitest';
import { startRedis } from '../../support/redis-server.js';
import { printFigures } from './figures.js';
import { prefer } from './preferred.js';
import { redisCpuUs } from './redis-cpu.js';

const ROUNDS = 3;
/** Of the rate among empty queues to that alone. */
const LEAST_RATIO = 0.8;
const ENQUEUE_BATCH = 1_000;
/** Long enough to take the duties of all queues. */
const SETTLE_MS = 6_000;
const SETTLE_ALONE_MS = 2_000;
const IDLE_MS = 10_000;

const rates: Record<string, number | string>[] = [];
const costs: Record<string, number | string>[] = [];
afterAll(() => {
  printFigures('busy queues among empty ones, the rate of each round', rates);
  printFigures('one task in each of many queues', costs);
});

const namesOf = (count: number, prefix = 'tenant'): string[] =>
  Array.from({ length: count }, (_, n) => `${prefix}-${n}`);

const inServer = (names: readonly string[]): Record<string, number> =>
  Object.fromEntries(names.map((name) => [name, 1]));

interface Rate {
  readonly perS: number;
  readonly nodeUs: number;
  readonly redisUs: number;
}

/**
 * Handles `tasks`, shared by the busy queues, on a server that has settled, after each of the empty queues has had a task; the
 * first fifth is not counted.
 */
async function measureBusy(
  busy: readonly string[],
  empty: readonly string[],
  concurrency: number,
  tasks: number,
): Promise<Rate> {
  await using redisServer = await startRedis();
  const connection = { url: redisServer.url };
  const redis = new Redis(redisServer.url);
  await prefer(redis, true);
  await using client = new Client({ connection, logger: silentLogger });
  await using inspector = new Inspector({ connection, logger: silentLogger });
  for (const queue of busy) {
    for (let at = 0; at < tasks / busy.length; at += ENQUEUE_BATCH) {
      const count = Math.min(ENQUEUE_BATCH, tasks / busy.length - at);
      await client.enqueueMany(
        Array.from({ length: count }, () => ({ type: 'soak', payload: {}, options: { queue } })),
      );
    }
    await inspector.pauseQueue(queue);
  }
  const server = new Server({ connection, concurrency, queues: inServer([...empty, ...busy]), logger: silentLogger });
  const readings: Promise<{ atMs: number; nodeUs: number; redisUs: number }>[] = [];
  const read = async () => {
    const [atMs, own] = [performance.now(), process.cpuUsage()];
    return { atMs, nodeUs: own.user + own.system, redisUs: await redisCpuUs(redis) };
  };
  let handled = -empty.length;
  let onUsed = (): void => undefined;
  const used = new Promise<void>((resolve) => (onUsed = resolve));
  let onAll = (): void => undefined;
  const all = new Promise<void>((resolve) => (onAll = resolve));
  const [from, to] = [Math.ceil(0.2 * tasks), Math.floor(0.95 * tasks)];
  await server.start(() => {
    handled += 1;
    if (handled === 0) onUsed();
    if (handled === from || handled === to) readings.push(read());
    if (handled === tasks) onAll();
  });
  await client.enqueueMany(empty.map((queue) => ({ type: 'soak', payload: {}, options: { queue } })));
  if (empty.length > 0) await used;
  await sleep(empty.length === 0 ? SETTLE_ALONE_MS : SETTLE_MS);
  for (const queue of busy) await inspector.unpauseQueue(queue);
  await all;
  const [before, after] = await Promise.all(readings);
  await server.shutdown();
  redis.disconnect();
  const counted = to - from;
  return {
    perS: (counted / (after!.atMs - before!.atMs)) * 1_000,
    nodeUs: (after!.nodeUs - before!.nodeUs) / counted,
    redisUs: (after!.redisUs - before!.redisUs) / counted,
  };
}

it.each([
  { busy: 1, empty: 4_999, concurrency: 10, tasks: 40_000 },
  { busy: 1, empty: 4_999, concurrency: 100, tasks: 80_000 },
  { busy: 20, empty: 980, concurrency: 10, tasks: 40_000 },
  { busy: 20, empty: 980, concurrency: 100, tasks: 80_000 },
])('handles as fast among empty queues: $busy busy of $empty, $concurrency slots', async (setting) => {
  const { busy, empty, concurrency, tasks } = setting;
  const names = namesOf(busy, 'busy');
  const [alone, among]: [Rate[], Rate[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    // Alternately, since the machine may change.
    alone.push(await measureBusy(names, [], concurrency, tasks));
    among.push(await measureBusy(names, namesOf(empty), concurrency, tasks));
  }
  const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;
  const perS = (rounds: readonly Rate[]): number => median(rounds.map((rate) => rate.perS));
  rates.push({
    busy,
    empty,
    slots: concurrency,
    'alone tasks/s': Math.round(perS(alone)),
    'among tasks/s': Math.round(perS(among)),
    ratio: (perS(among) / perS(alone)).toFixed(2),
    'Node us alone': median(alone.map(({ nodeUs }) => nodeUs)),
    'Node us among': median(among.map(({ nodeUs }) => nodeUs)),
    'Redis us alone': median(alone.map(({ redisUs }) => redisUs)),
    'Redis us among': median(among.map(({ redisUs }) => redisUs)),
  });
  expect(perS(among) / perS(alone)).toBeGreaterThan(LEAST_RATIO);
});

it.each([1_000, 5_000])('takes one task from each of %i queues', async (count) => {
  await using redisServer = await startRedis();
  const connection = { url: redisServer.url };
  const redis = new Redis(redisServer.url);
  await prefer(redis, true);
  await using client = new Client({ connection, logger: silentLogger });
  const names = namesOf(count);
  const server = new Server({ connection, concurrency: 10, queues: inServer(names), logger: silentLogger });
  const handled = new Map<string, number>();
  let onAll = (): void => undefined;
  const all = new Promise<void>((resolve) => (onAll = resolve));
  const startedAtMs = performance.now();
  await server.start((_, { queue }) => {
    handled.set(queue, (handled.get(queue) ?? 0) + 1);
    if (handled.size === count) onAll();
  });
  const startMs = performance.now() - startedAtMs;
  await sleep(SETTLE_MS);
  const [idleFromMs, idleBefore, redisBefore] = [performance.now(), process.cpuUsage(), await redisCpuUs(redis)];
  await sleep(IDLE_MS);
  const idle = process.cpuUsage(idleBefore);
  const idleS = (performance.now() - idleFromMs) / 1_000;
  const idleRedis = (await redisCpuUs(redis)) - redisBefore;

  const fromMs = performance.now();
  const fullBefore = process.cpuUsage();
  const fullRedisBefore = await redisCpuUs(redis);
  const enqueued = client.enqueueMany(names.map((queue) => ({ type: 'soak', payload: {}, options: { queue } })));
  await enqueued;
  const enqueuedMs = performance.now() - fromMs;
  await all;
  const doneMs = performance.now() - fromMs;
  const full = process.cpuUsage(fullBefore);
  const fullRedis = (await redisCpuUs(redis)) - fullRedisBefore;
  const stopFromMs = performance.now();
  await server.shutdown();
  const stopMs = performance.now() - stopFromMs;
  costs.push({
    queues: count,
    'start ms': Math.round(startMs),
    'idle Node ms/s': (idle.user + idle.system) / 1_000 / idleS,
    'idle Redis ms/s': idleRedis / 1_000 / idleS,
    'enqueued ms': Math.round(enqueuedMs),
    'done ms': Math.round(doneMs),
    'Node us/task': (full.user + full.system) / count,
    'Redis us/task': fullRedis / count,
    'shutdown ms': Math.round(stopMs),
  });
  redis.disconnect();
  expect([...handled.values()].every((times) => times === 1)).toBe(true);
});
