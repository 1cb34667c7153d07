import { Client, Inspector } from '@nestjs-asynq/core';
import { describe, expect, it } from 'vitest';
import { startRedis } from '../support/redis-server.js';
import { WorkerProcess } from '../support/worker-process.js';

describe('a worker that holds tasks ahead', () => {
  it('has others start them while a handler blocks its event loop', async () => {
    await using redis = await startRedis();
    await using client = new Client({ connection: { url: redis.url } });
    const quick = (prefix: string, count: number) =>
      Array.from({ length: count }, (_, nth) => ({ type: 'quick', options: { taskId: `${prefix}-${nth}` } }));
    const settings = { connection: { url: redis.url }, queues: { default: 1 }, heartbeatInterval: 500 };
    await using inspector = new Inspector({ connection: { url: redis.url } });
    await using busy = await WorkerProcess.start({ ...settings, concurrency: 1, readAhead: 1_000 });
    await client.enqueue('work', { ms: 3_000 });
    await expect.poll(() => inspector.servers()).toMatchObject([{ workers: [{}] }]); // by the thread of the heartbeat
    await client.enqueueMany([
      ...quick('before', 1_000),
      { type: 'block', payload: { ms: 60_000, waitMs: 500 }, options: { taskId: 'block' } },
      ...quick('after', 50),
    ]);
    await busy.until((reports) => reports.some(({ kind, id }) => kind === 'started' && id === 'block'));
    expect(busy.started().filter((id) => id.startsWith('after'))).toEqual([]);

    await using other = await WorkerProcess.start({ ...settings, concurrency: 10 });
    await other.until(() => other.started().length === 50);

    expect(other.started().toSorted()).toEqual(
      quick('after', 50)
        .map(({ options }) => options.taskId)
        .toSorted(),
    );
    expect(other.reports.filter(({ kind }) => kind === 'started').every(({ retried }) => retried === 0)).toBe(true);
    expect(busy.reports.some(({ kind, id }) => kind === 'ended' && id === 'block')).toBe(false);
    await busy.kill();
  });
});
