import { setTimeout as delay } from 'node:timers/promises';
import { Client, Inspector, ServeMux, Server } from '@nestjs-asynq/core';
import { expect, it, vi } from 'vitest';
import { CommandCount } from '../support/command-count.js';
import { quiet } from '../support/quiet.js';
import { shareRedis } from './shared-redis.js';

const { logger } = quiet();
const redis = shareRedis();
const PATIENCE = { timeout: 20_000 };

/** A handler whose tasks end when the test says so, the oldest first. */
function held() {
  const running: (() => void)[] = [];
  let most = 0;
  return {
    handler: (): Promise<void> =>
      new Promise((resolve) => {
        most = Math.max(most, running.push(resolve));
      }),
    running,
    most: () => most,
  };
}

it('starts what comes behind tasks of a handler at its limit at once, and asks Redis for nothing meanwhile', async () => {
  const connection = { url: redis.server.url };
  await using client = new Client({ connection, logger });
  await using inspector = new Inspector({ connection, logger });
  const slow = held();
  const quick = vi.fn<() => void>();
  const mux = new ServeMux().handle('slow', slow.handler, { concurrency: 2 }).handle('quick', quick);
  // A task that is not reported does not start.
  await using server = new Server({ connection, logger, concurrency: 10, taskCheckInterval: '1h' });
  await server.start(mux);

  await client.enqueueMany(Array.from({ length: 30 }, () => ({ type: 'slow' })));
  await expect.poll(async () => inspector.queueInfo('default')).toMatchObject({ active: 2, pending: 28 });
  await delay(500);
  const before = await CommandCount.read(redis.client);
  await delay(1_000);
  const { calls } = (await CommandCount.read(redis.client)).since(before);
  await client.enqueue('quick');
  await vi.waitFor(() => expect(quick).toHaveBeenCalledOnce(), PATIENCE);
  const isOnlySlow = slow.running.length === 2;
  for (let left = 30; left > 0; left--) {
    await vi.waitFor(() => expect(slow.running.length).toBeGreaterThan(0), PATIENCE);
    slow.running.shift()!();
  }
  await expect.poll(async () => inspector.queueInfo('default')).toMatchObject({ active: 0, pending: 0 });

  expect([calls['lrange'] ?? 0, calls['rpush'] ?? 0]).toEqual([0, 0]);
  expect([isOnlySlow, slow.most()]).toEqual([true, 2]);
});
