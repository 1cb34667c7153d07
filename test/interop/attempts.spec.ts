import { Client, Inspector, Server, ServeMux, silentLogger } from '@nestjs-asynq/core';
import { expect, it, vi } from 'vitest';
import { GoPeer, hasGoPeer } from '../support/go-peer.js';
import { startRedis } from '../support/redis-server.js';

const QUEUES = { shared: 1 };
const PATIENCE = { timeout: 20_000, interval: 50 };

it.skipIf(!hasGoPeer)('restarts the timeout of an unknown type when Go has tried the task', async () => {
  await using redis = await startRedis();
  await using go = new GoPeer(redis);
  const connection = { url: redis.url };
  await using client = new Client({ connection, defaults: { queue: 'shared' } });
  await using inspector = new Inspector({ connection });
  /** Knows only another type, and would archive at its second fetch. */
  const look = async (): Promise<void> => {
    await using server = new Server({
      connection,
      queues: QUEUES,
      unknownTypeDelay: '1h',
      unknownTypeTimeout: 1,
      logger: silentLogger,
    });
    await server.start(new ServeMux().handle('ours', () => undefined));
    const isPutBack = async (): Promise<void> => {
      expect((await inspector.taskInfo('shared', 'a')).lastError).toMatch('handler not found');
      expect(await inspector.taskInfo('shared', 'a')).not.toMatchObject({ state: 'active' });
    };
    await vi.waitFor(isPutBack, PATIENCE);
  };
  await client.enqueue('go:fail-once', undefined, { taskId: 'a' });

  await look();
  await inspector.runNext('shared', 'a');
  await go.serve({ queues: QUEUES, concurrency: 1, retryDelayMs: 3_600_000 });
  await vi.waitFor(async () => expect((await inspector.taskInfo('shared', 'a')).retried).toBe(1), PATIENCE);
  await go.shutdown();
  await inspector.runNext('shared', 'a');
  await look();

  expect(await inspector.taskInfo('shared', 'a')).toMatchObject({ state: 'retry', retried: 1 });
});
