import { Client, type EnqueueResult, Inspector } from '@nestjs-asynq/core';
import { describe, expect, it } from 'vitest';
import { startRedis } from '../support/redis-server.js';
import { WorkerProcess } from '../support/worker-process.js';

const TASKS = 2_000;
const BATCH = 50;
/** Long enough to distinguish a waiting process from a spinning one. */
const AWAY_MS = 4_000;

describe('Redis, stopped and restarted', () => {
  it('costs no task, and no process spins while it is down', async () => {
    await using redis = await startRedis({ appendOnly: true });
    const client = new Client({ connection: { url: redis.url }, logger: silent });
    const inspector = new Inspector({ connection: { url: redis.url } });
    await using worker = await WorkerProcess.start({
      connection: { url: redis.url },
      queues: { load: 1 },
      concurrency: 20,
    });
    const load = enqueueAll(client);
    await worker.until(() => worker.ended().length >= TASKS / 10);

    await redis.kill();
    const before = await worker.processorTime();
    await awayFor(AWAY_MS);
    const after = await worker.processorTime();
    await redis.start();
    const accepted = await load;
    await worker.until(() => new Set(worker.ended()).size >= accepted.length);

    expect(accepted.length).toBe(TASKS);
    expect((after.usedMs - before.usedMs) / (after.atMs - before.atMs)).toBeLessThan(0.2);
    expect(new Set(worker.ended())).toEqual(new Set(accepted));
    await worker.terminate(); // flushes what was settled last
    expect(await inspector.queueInfo('load')).toMatchObject({ pending: 0, active: 0, retry: 0, archived: 0 });
    await client.close();
    await inspector.close();
  });
});

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** The duration is the subject of the test: how long a process waits for Redis. */
const awayFor = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

/** Enqueues every task, repeatedly while Redis is down, like a caller that must not lose one. */
async function enqueueAll(client: Client): Promise<string[]> {
  const accepted: string[] = [];
  for (let from = 0; from < TASKS; from += BATCH) {
    let open = Array.from({ length: BATCH }, (_, i) => `load-${from + i}`);
    while (open.length > 0) {
      const results = await client.enqueueMany(
        open.map((taskId) => ({ type: 'quick', options: { queue: 'load', taskId } })),
      );
      accepted.push(...open.filter((_, i) => isAccepted(results[i]!)));
      open = open.filter((_, i) => !isAccepted(results[i]!));
    }
  }
  return accepted;
}

/** A conflict means that an earlier attempt was written although its reply was lost. */
const isAccepted = (result: EnqueueResult): boolean =>
  'task' in result || ('code' in result.error && result.error.code === 'TASK_ID_CONFLICT');
