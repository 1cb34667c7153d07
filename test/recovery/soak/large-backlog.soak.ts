import { Client, Inspector, Server, silentLogger } from '@nestjs-asynq/core';
import { Redis } from 'ioredis';
import { afterAll, expect, it } from 'vitest';
import { startRedis } from '../../support/redis-server.js';
import { printFigures } from './figures.js';
import { prefer } from './preferred.js';

const TASKS = 3_000_000;
const SEEDED_PER_CALL = 20_000;
/** Long enough for two repair passes: one when a server begins to lead, one a minute later. */
const RUN_MS = 80_000;
const PING_EVERY_MS = 5;
const SLOW_US = 10_000;

const rows: Record<string, number>[] = [];
afterAll(() => printFigures(`${TASKS} pending tasks, workers and a leader`, rows));

/** Many tasks like one that the client wrote, but for their ids. */
async function seed(redis: Redis, client: Client): Promise<void> {
  const width = 20;
  const id = 'x'.repeat(width);
  await client.enqueue('soak', {}, { taskId: id });
  const message = (await redis.hgetBuffer(`asynq:{default}:t:${id}`, 'msg'))!;
  const at = message.indexOf(id);
  for (let from = 0; from < TASKS; from += SEEDED_PER_CALL) {
    await redis.eval(
      `for i = ARGV[1], ARGV[1] + ARGV[2] - 1 do
         local id = string.format('%0${width}d', i)
         redis.call('HSET', KEYS[2] .. id, 'msg', ARGV[3] .. id .. ARGV[4], 'state', 'pending', 'pending_since', ARGV[5])
         redis.call('LPUSH', KEYS[1], id)
       end`,
      ...[2, 'asynq:{default}:pending', 'asynq:{default}:t:', from, SEEDED_PER_CALL],
      ...[message.subarray(0, at), message.subarray(at + width), `${Date.now()}000000`],
    );
  }
}

it('serves every client within 10 ms', async () => {
  await using server = await startRedis();
  const redis = new Redis(server.url);
  await using client = new Client({ connection: { url: server.url }, logger: silentLogger });
  await using inspector = new Inspector({ connection: { url: server.url }, logger: silentLogger });
  await prefer(redis);
  await seed(redis, client);
  await redis.config('SET', 'slowlog-log-slower-than', String(SLOW_US));
  await redis.config('SET', 'slowlog-max-len', '1000');
  await redis.call('SLOWLOG', 'RESET');

  let handled = 0;
  const workers = Array.from(
    { length: 3 },
    () => new Server({ connection: { url: server.url }, concurrency: 50, logger: silentLogger }),
  );
  for (const worker of workers) {
    await worker.start(async () => {
      handled += 1;
      await new Promise((resolve) => setTimeout(resolve, 20));
    });
  }
  const pings: number[] = [];
  const endMs = performance.now() + RUN_MS;
  for (let n = 0; performance.now() < endMs; n++) {
    const startMs = performance.now();
    await redis.ping();
    pings.push(performance.now() - startMs);
    if (n % 1_000 === 0) {
      await inspector.queueInfo('default');
      await inspector.listTasks('default', 'pending', { page: 3, size: 100 });
      const { id } = await client.enqueue('soak', {});
      await inspector.deleteTask('default', id);
    }
    await new Promise((resolve) => setTimeout(resolve, PING_EVERY_MS));
  }
  const slow = (await redis.call('SLOWLOG', 'GET', '1000')) as [number, number, number, string[]][];
  await Promise.all(workers.map((worker) => worker.shutdown()));

  pings.sort((a, b) => a - b);
  const quantile = (share: number): number => pings[Math.floor(pings.length * share)]!;
  rows.push({
    handled,
    'slow commands': slow.length,
    'slowest us': Math.max(0, ...slow.map(([, , us]) => us)),
    'ping p50 ms': quantile(0.5),
    'ping p99 ms': quantile(0.99),
    'ping max ms': pings.at(-1)!,
  });
  redis.disconnect();
  expect(slow.map(([, , us, [command]]) => ({ command, us }))).toEqual([]);
});
