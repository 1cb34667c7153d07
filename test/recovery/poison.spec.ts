import { setTimeout as delay } from 'node:timers/promises';
import { Client, Inspector } from '@nestjs-asynq/core';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { WorkerProcess, type WorkerReport } from '../support/worker-process.js';

const LEASE_MS = 1_000;
const CONCURRENCY = 10;
const MAX_CRASHES = 1;
/** Of one poison task at this concurrency: twice in a full company, once with one other, then alone. */
const MOST_DEATHS = 3 + MAX_CRASHES + 1;

describe('tasks that kill their workers', () => {
  let redis: RedisServer;
  let commands: Redis;
  let client: Client;
  let inspector: Inspector;

  beforeAll(async () => {
    redis = await startRedis();
    commands = new Redis(redis.url);
    client = new Client({ connection: { url: redis.url } });
    inspector = new Inspector({ connection: { url: redis.url } });
  });

  afterAll(async () => {
    await client.close();
    await inspector.close();
    commands.disconnect();
    await redis.stop();
  });

  /** A supervisor: starts a worker whenever the last one died, until all tasks have ended or are archived. */
  async function superviseUntilDone(queue: string): Promise<{ deaths: number; reports: WorkerReport[] }> {
    const reports: WorkerReport[] = [];
    for (let deaths = 0; ; deaths++) {
      await commands.del(`asynq:{${queue}}:leader`, `asynq:{${queue}}:standby`); // or the next waits for them to expire
      await using worker = await WorkerProcess.start(
        {
          connection: { url: redis.url },
          queues: { [queue]: 1 },
          concurrency: CONCURRENCY,
          leaseDuration: LEASE_MS,
          recoverGrace: 0,
          maxCrashes: MAX_CRASHES,
        },
        {},
        (report) => reports.push(report),
      );
      const death = worker.gone().then(() => true);
      while (!(await Promise.race([death, delay(50, false)]))) {
        const { size, archived } = await inspector.queueInfo(queue);
        if (size === archived) return { deaths, reports };
      }
    }
  }

  it.each([
    { harmless: 9, poison: 1 },
    { harmless: 27, poison: 3 },
  ])('are archived, and cost $harmless tasks that are fetched with $poison of them no retry', async (counts) => {
    const queue = `poison-${counts.poison}`;
    const named = (name: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${name}-${i}`);
    const harmless = named('harmless', counts.harmless);
    const poison = named('poison', counts.poison);
    await client.enqueueMany([
      ...poison.map((taskId) => ({ type: 'poison', options: { queue, taskId } })),
      ...harmless.map((taskId) => ({ type: 'work', payload: { ms: 100 }, options: { queue, taskId } })),
    ]);

    const { deaths, reports } = await superviseUntilDone(queue);

    const ended = new Set(reports.flatMap(({ kind, id = '' }) => (kind === 'ended' ? [id] : [])));
    const archived = await inspector.listTasks(queue, 'archived');
    expect([...ended].toSorted()).toEqual(harmless.toSorted());
    expect(reports.filter(({ retried }) => retried)).toEqual([]);
    expect(archived.map(({ id }) => id).toSorted()).toEqual(poison.toSorted());
    for (const { lastError } of archived) expect(lastError).toMatch(/lease expired: lost \d workers, 2 of them/);
    expect(deaths).toBeLessThanOrEqual(counts.poison * MOST_DEATHS);
  });
});
