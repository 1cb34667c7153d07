import { Client, Server, silentLogger } from '@nestjs-asynq/core';
import { Redis } from 'ioredis';
import { afterAll, expect, it } from 'vitest';
import { startRedis } from '../../support/redis-server.js';
import { printFigures } from './figures.js';
import { prefer } from './preferred.js';
import { redisCpuUs } from './redis-cpu.js';

const GROUPS = 50_000;
const ENQUEUE_BATCH = 1_000;
const GRACE_MS = 10_000;
const SLOW_US = 10_000;

const rows: Record<string, number | string>[] = [];
afterAll(() => printFigures(`${GROUPS} groups of one task`, rows));

/** A server that aggregates; `all` resolves with the time when the last group was taken. */
function openServer(url: string) {
  const taken = new Map<string, number>();
  let firstAtMs = Infinity;
  let onAll: (atMs: number) => void = () => undefined;
  const all = new Promise<number>((resolve) => (onAll = resolve));
  const server = new Server({
    connection: { url },
    concurrency: 10,
    logger: silentLogger,
    groupAggregator: {
      gracePeriod: `${GRACE_MS}ms`,
      aggregate: (group, tasks) => {
        firstAtMs = Math.min(firstAtMs, Date.now());
        taken.set(group, (taken.get(group) ?? 0) + tasks.length);
        if (taken.size === GROUPS) onAll(Date.now());
        return { type: 'combined', payload: {} };
      },
    },
  });
  return { server, taken, all, firstAtMs: () => firstAtMs };
}

async function enqueueAll(client: Client): Promise<void> {
  for (let at = 0; at < GROUPS; at += ENQUEUE_BATCH) {
    await client.enqueueMany(
      Array.from({ length: ENQUEUE_BATCH }, (_, i) => ({
        type: 'soak',
        payload: { n: at + i },
        options: { group: `user-${at + i}` },
      })),
    );
  }
}

it.each([
  ['a server that runs', true],
  ['a server that starts when all are ripe', false],
])('are taken by %s', async (name, runsBefore) => {
  await using redisServer = await startRedis();
  const redis = new Redis(redisServer.url);
  await prefer(redis, true);
  await redis.config('SET', 'slowlog-log-slower-than', String(SLOW_US));
  await using client = new Client({ connection: { url: redisServer.url }, logger: silentLogger });
  const { server, taken, all, firstAtMs } = openServer(redisServer.url);
  if (runsBefore) await server.start(() => undefined);
  const fromMs = Date.now();
  await enqueueAll(client);
  const enqueuedAtMs = Date.now();
  expect(enqueuedAtMs - fromMs).toBeLessThan(GRACE_MS);
  await new Promise((resolve) => setTimeout(resolve, GRACE_MS - (runsBefore ? enqueuedAtMs - fromMs : 0)));
  const [own, redisUs] = [process.cpuUsage(), await redisCpuUs(redis)];
  const beganAtMs = Date.now();
  if (!runsBefore) await server.start(() => undefined);
  const doneAtMs = await all;
  const spent = process.cpuUsage(own);
  const spentRedisUs = (await redisCpuUs(redis)) - redisUs;
  const slow = (await redis.call('SLOWLOG', 'GET', '100')) as [number, number, number, string[]][];
  await server.shutdown();
  rows.push({
    by: name,
    'enqueued within ms': enqueuedAtMs - fromMs,
    'first taken after ms': firstAtMs() - beganAtMs,
    'last taken after ms': doneAtMs - beganAtMs,
    'behind the last ripe ms': doneAtMs - (runsBefore ? enqueuedAtMs + GRACE_MS : beganAtMs),
    'Node us/group': (spent.user + spent.system) / GROUPS,
    'Redis us/group': spentRedisUs / GROUPS,
    'slow commands': slow.length,
    'slowest us': Math.max(0, ...slow.map(([, , us]) => us)),
  });
  redis.disconnect();
  expect([...taken.values()].every((count) => count === 1)).toBe(true);
  expect(slow.map(([, , us, [command]]) => ({ command, us }))).toEqual([]);
});
