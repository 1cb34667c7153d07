import { Client, Inspector, Server, silentLogger, TaskFailedError } from '@nestjs-asynq/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GoPeer, hasGoPeer } from '../support/go-peer.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';

const QUEUES = { default: 1 };
const timeout = '20s';

describe.skipIf(!hasGoPeer)('results between Go and us', () => {
  let redis: RedisServer;
  let go: GoPeer;
  let client: Client;
  let inspector: Inspector;

  beforeEach(async () => {
    redis = await startRedis();
    go = new GoPeer(redis);
    client = new Client({ connection: { url: redis.url } });
    inspector = new Inspector({ connection: { url: redis.url } });
  });

  afterEach(async () => {
    await client.close();
    await inspector.close();
    await go[Symbol.asyncDispose]();
    await redis.stop();
  });

  const serveInGo = () => go.serve({ queues: QUEUES, concurrency: 2, taskCheckIntervalMs: 20 });

  it('waits for the result of a task that Go handles', async () => {
    const task = await client.enqueue('mix:echo', { from: 'us 😀' }, { retention: '1h' });
    const waiting = task.result({ timeout });

    await serveInGo();

    expect(await waiting).toEqual({ from: 'us 😀' });
    expect(await task.state()).toBe('completed');
  });

  it('reports that a task failed permanently in Go', async () => {
    const task = await client.enqueue('mix:fail-always', {}, { maxRetry: 0 });

    const [end] = await Promise.all([task.wait({ timeout }), serveInGo()]);

    expect(end).toEqual({ state: 'archived', lastError: 'fails always' });
    await expect(task.result()).rejects.toThrow(TaskFailedError);
  });

  it('shows the result of our handler to Go', async () => {
    const [enqueued] = await go.enqueue([{ type: 'sum', payload: Buffer.from('[1,2]'), retentionMs: 3_600_000 }]);
    const { id } = enqueued as { readonly id: string };
    const handle = inspector.task('default', id);
    const waiting = handle.wait({ timeout });

    const server = new Server({ connection: { url: redis.url }, queues: QUEUES, logger: silentLogger });
    await server.start((payload) => ({ sum: (payload as number[]).reduce((sum, one) => sum + one) }));
    const end = await waiting;
    await server.shutdown();

    expect(end).toEqual({ state: 'completed', result: Buffer.from('{"sum":3}') });
    expect((await go.taskInfo('default', id)).result.toString()).toBe('{"sum":3}');
  });
});
