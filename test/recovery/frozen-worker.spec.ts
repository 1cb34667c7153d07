import { setTimeout as delay } from 'node:timers/promises';
import { Client, Inspector } from '@nestjs-asynq/core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { WorkerProcess, type WorkerOptions } from '../support/worker-process.js';

const LEASE_MS = 3_000;
/** Longer than a lease and the grace after it. */
const FROZEN_MS = 3 * LEASE_MS;
/** Time in which every task considered lost would have run again. */
const AFTERWARDS_MS = 2 * LEASE_MS + 2_000;

describe.concurrent('a worker that is frozen for longer than its lease, and thawed', () => {
  let redis: RedisServer;
  let client: Client;
  let inspector: Inspector;

  beforeAll(async () => {
    redis = await startRedis();
    client = new Client({ connection: { url: redis.url } });
    inspector = new Inspector({ connection: { url: redis.url } });
  });

  afterAll(async () => {
    await client.close();
    await inspector.close();
    await redis.stop();
  });

  const start = (queue: string, heartbeat: 'thread' | 'inline'): Promise<WorkerProcess> =>
    WorkerProcess.start({
      connection: { url: redis.url },
      queues: { [queue]: 1 },
      concurrency: 10,
      leaseDuration: LEASE_MS,
      heartbeatInterval: LEASE_MS / 3,
      heartbeat,
    } satisfies WorkerOptions);

  const hang = (queue: string, ids: readonly string[]): Promise<unknown> =>
    client.enqueueMany(ids.map((taskId) => ({ type: 'hang', options: { queue, taskId } })));

  it.each(['thread', 'inline'] as const)('continues its tasks, each once (heartbeat: %s)', async (heartbeat) => {
    const queue = `alone-${heartbeat}`;
    const ids = ['a', 'b', 'c', 'd', 'e'];
    await using worker = await start(queue, heartbeat);
    await hang(queue, ids);
    await worker.until(() => worker.started().length === ids.length);

    process.kill(worker.pid, 'SIGSTOP');
    await delay(FROZEN_MS);
    process.kill(worker.pid, 'SIGCONT');
    await delay(AFTERWARDS_MS);

    expect(worker.started().sort()).toEqual(ids);
    expect(worker.ended()).toEqual([]);
    expect(await inspector.queueInfo(queue)).toMatchObject({ active: ids.length, size: ids.length });
  });

  it('does not take tasks of others that were frozen, too, as when a laptop sleeps', async () => {
    const queue = 'together';
    const ids = Array.from({ length: 14 }, (_, i) => `task-${i}`);
    await using first = await start(queue, 'thread');
    await using second = await start(queue, 'thread');
    await hang(queue, ids);
    const started = (): string[] => [...first.started(), ...second.started()];
    await vi.waitUntil(() => started().length === ids.length, { timeout: 20_000 });

    for (const { pid } of [first, second]) process.kill(pid, 'SIGSTOP');
    await delay(FROZEN_MS);
    for (const { pid } of [first, second]) process.kill(pid, 'SIGCONT');
    await delay(AFTERWARDS_MS);

    expect(started().sort()).toEqual(ids.sort());
    expect(await inspector.queueInfo(queue)).toMatchObject({ active: ids.length });
  });

  it('loses its tasks to another that was running, and detects this', async () => {
    const queue = 'handed-on';
    await using victim = await start(queue, 'thread');
    await hang(queue, ['a']);
    await victim.until(() => victim.started().length === 1);
    await using heir = await start(queue, 'thread');

    process.kill(victim.pid, 'SIGSTOP');
    await heir.until(() => heir.started().length === 1);
    process.kill(victim.pid, 'SIGCONT');
    await delay(AFTERWARDS_MS);

    expect([victim.started(), heir.started()]).toEqual([['a'], ['a']]);
    expect(await inspector.queueInfo(queue)).toMatchObject({ active: 1, size: 1 });
  });
});
