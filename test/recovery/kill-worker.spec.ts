import { setTimeout as delay } from 'node:timers/promises';
import { Client, Inspector } from '@nestjs-asynq/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { WorkerProcess, type WorkerOptions } from '../support/worker-process.js';

const LEASE_MS = 3_000;

describe('a worker that dies', () => {
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

  const settings = (queue: string, options: Partial<WorkerOptions> = {}): WorkerOptions => ({
    connection: { url: redis.url },
    queues: { [queue]: 1 },
    concurrency: 50,
    leaseDuration: LEASE_MS,
    heartbeatInterval: LEASE_MS / 3,
    ...options,
  });

  it('loses its 50 tasks to another within the lease and ten seconds, without a retry', async () => {
    const ids = Array.from({ length: 50 }, (_, i) => `task-${i}`);
    await client.enqueueMany(ids.map((taskId) => ({ type: 'hang', options: { queue: 'killed', taskId } })));
    await using victim = await WorkerProcess.start(settings('killed'));
    await victim.until(() => victim.started().length === 50);
    await using heir = await WorkerProcess.start(settings('killed'));

    await victim.kill();
    const killedAtMs = Date.now();
    await heir.until(() => new Set(heir.started()).size === 50);

    expect(Date.now() - killedAtMs).toBeLessThan(LEASE_MS + 10_000);
    expect(heir.started().sort()).toEqual(ids.sort());
    expect(heir.reports.filter(({ kind }) => kind === 'started').map(({ retried }) => retried)).toEqual(
      ids.map(() => 0),
    );
  });

  it('has its tasks end with the outcome given when they are canceled after its death', async () => {
    const [queue, outcomes] = ['canceled', ['archive', 'delete', 'retry'] as const];
    await client.enqueueMany(outcomes.map((taskId) => ({ type: 'hang', options: { queue, taskId } })));
    await using victim = await WorkerProcess.start(settings(queue));
    await victim.until(() => victim.started().length === outcomes.length);
    await victim.kill();

    const replies = await Promise.all(outcomes.map((outcome) => inspector.cancel(queue, outcome, { outcome })));
    await using heir = await WorkerProcess.start(settings(queue));
    await expect
      .poll(async () => (await inspector.queueInfo(queue)).active, { timeout: LEASE_MS + 10_000, interval: 100 })
      .toBe(0);

    expect(replies).toEqual(outcomes.map(() => 'requested'));
    expect(await inspector.queueInfo(queue)).toMatchObject({ size: 2, archived: 1, retry: 1 });
    expect(await inspector.taskInfo(queue, 'archive')).toMatchObject({ state: 'archived', retried: 0 });
    expect(await inspector.taskInfo(queue, 'retry')).toMatchObject({ state: 'retry', retried: 1 });
    expect(heir.started()).toEqual([]);
  });

  it('keeps its lease while its handler blocks the event loop for longer than a lease', async () => {
    await client.enqueue('block', { ms: LEASE_MS * 1.5 }, { queue: 'blocked', taskId: 'long' });
    await using busy = await WorkerProcess.start(settings('blocked'));
    await busy.until(() => busy.started().length === 1);
    await using rival = await WorkerProcess.start(settings('blocked'));

    await busy.until(() => busy.ended().length === 1);
    await busy.terminate(); // its outcome is stored by then

    expect(rival.started()).toEqual([]);
    expect(await inspector.queueInfo('blocked')).toMatchObject({ size: 0, processedTotal: 1, failedTotal: 0 });
  });

  it.each([1_000, 20_000])(
    'finishes or requeues 20 long tasks at SIGTERM, shutdownTimeout %i ms',
    async (shutdownTimeout) => {
      const queue = `terminated-${shutdownTimeout}`;
      const ms = shutdownTimeout === 20_000 ? 500 : 0;
      const ids = Array.from({ length: 20 }, (_, i) => `task-${i}`);
      const task = ms === 0 ? { type: 'hang' } : { type: 'block', payload: { ms: ms / 20 } };
      await client.enqueueMany(ids.map((taskId) => ({ ...task, options: { queue, taskId } })));
      await using worker = await WorkerProcess.start(settings(queue, { shutdownTimeout }));
      await worker.until(() => worker.started().length === 20);

      const code = await Promise.race([worker.terminate(), delay(shutdownTimeout + 2_000, 'late', { ref: false })]);

      const requeued = worker.reports.filter(({ kind }) => kind === 'requeued').map(({ id }) => id!);
      const info = await inspector.queueInfo(queue);
      expect(code).toBe(0);
      expect(info).toMatchObject({
        active: 0,
        pending: requeued.length,
        processedTotal: 20 - requeued.length,
        failedTotal: 0,
      });
      expect(requeued.length).toBe(ms === 0 ? 20 : 0);
    },
  );
});
