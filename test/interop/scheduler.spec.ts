import { Inspector, Scheduler, silentLogger } from '@nestjs-asynq/core';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Conditions } from '../support/conditions.js';
import { GoPeer, type GoSchedulerEntry, hasGoPeer } from '../support/go-peer.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { anyPeriodicOptions } from './periodic-options.js';

describe.skipIf(!hasGoPeer)('schedulers beside Go', () => {
  let redis: RedisServer;
  let go: GoPeer;

  beforeEach(async () => {
    redis = await startRedis();
    go = new GoPeer(redis);
  });

  afterEach(async () => {
    await go.kill();
    await redis.stop();
  });

  /** Go's view of our plan, once the scheduler has published all of it. */
  async function readByGo(count: number): Promise<GoSchedulerEntry[]> {
    for (;;) {
      const entries = await go.schedulerEntries();
      if (entries.length === count) return entries;
    }
  }

  it('shows Go a plan with any options, which it reads without harm', async () => {
    const options = fc.sample(anyPeriodicOptions, { numRuns: 300, seed: 11 });
    await using scheduler = new Scheduler({
      connection: { url: redis.url },
      logger: silentLogger,
    });
    options.forEach((one, n) => scheduler.register('@daily', `type-${n}`, { n }, one));
    await scheduler.start();

    const entries = await readByGo(options.length);

    const byType = new Map(entries.map((entry) => [entry.type, entry]));
    options.forEach(({ maxRetry }, n) => {
      const entry = byType.get(`type-${n}`)!;
      expect(Buffer.from(entry.payload, 'base64').toString()).toBe(JSON.stringify({ n }));
      expect(entry.previousAtMs).toBe(0);
      if (maxRetry !== undefined) expect(entry.options).toContain(`MaxRetry(${maxRetry})`);
    });
  });

  it('reads every plain option back as it was given', async () => {
    await using scheduler = new Scheduler({ connection: { url: redis.url }, logger: silentLogger });
    const deadline = new Date('2030-03-05T07:08:09Z');
    scheduler.register('CRON_TZ=Asia/Tokyo 0 6 * * *', 'report', undefined, {
      queue: 'a "queue"',
      maxRetry: 3,
      timeout: '90s',
      deadline,
      unique: '1h',
      processIn: '30m',
      retention: '1d',
    });
    await scheduler.start();

    const [entry] = await readByGo(1);

    const [planned] = scheduler.entries();
    expect(entry).toEqual({
      id: planned!.id,
      spec: 'CRON_TZ=Asia/Tokyo 0 6 * * *',
      type: 'report',
      payload: null,
      options: [
        'Queue("a \\"queue\\"")',
        'MaxRetry(3)',
        'Timeout(1m30s)',
        'Deadline(Tue Mar  5 07:08:09 UTC 2030)',
        'Unique(1h0m0s)',
        'ProcessIn(30m0s)',
        'Retention(24h0m0s)',
      ],
      nextAtMs: planned!.nextAt!.getTime(),
      previousAtMs: 0,
    });
  });

  it('shows Go what an entry has enqueued', async () => {
    const ids: string[] = [];
    const enqueued = new Conditions();
    await using scheduler = new Scheduler({
      connection: { url: redis.url },
      logger: silentLogger,
      onEvent: ({ id }) => {
        ids.unshift(id);
        enqueued.check();
      },
    });
    const { id } = scheduler.register('@every 1s', 'often');
    await scheduler.start();

    await enqueued.until(() => ids.length >= 2);
    const events = await go.enqueueEvents(id);

    expect(events).toContain(ids.at(-1));
    expect((await go.taskInfo('default', ids.at(-1)!)).type).toBe('often');
  });

  it("shows us Go's plan", async () => {
    const id = await go.schedule('@every 1s', { type: 'from:go', queue: 'default' });
    await using inspector = new Inspector({ connection: { url: redis.url }, logger: silentLogger });

    await expect
      .poll(() => inspector.schedulerEntries())
      .toMatchObject([{ id, spec: '@every 1s', taskType: 'from:go', options: ['Queue("default")'] }]);
  });
});
