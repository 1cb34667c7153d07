import { once } from 'node:events';
import { EventEmitter } from 'node:events';
import { Client, Scheduler, Server, silentLogger, WaitTimeoutError } from '@nestjs-asynq/core';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { shareRedis } from './shared-redis.js';

const HOUR_MS = 3_600_000;

/** As if an administrator, or a time service, had set the clock of this machine; a handle restores it. */
function setMachineClock(byMs: number): void {
  const now = Date.now.bind(Date);
  vi.spyOn(Date, 'now').mockImplementation(() => now() + byMs);
}

describe('processes on a machine whose clock is wrong', () => {
  const redis = shareRedis();
  const connection = (): { url: string } => ({ url: `redis://127.0.0.1:${redis.client.options.port}` });
  afterEach(() => void vi.restoreAllMocks());

  const redisNowMs = async (): Promise<number> => {
    const [seconds, micros] = (await redis.client.time()).map(Number);
    return seconds! * 1000 + micros! / 1000;
  };

  it.each([-HOUR_MS, 8 * HOUR_MS])('enqueue by the time of Redis from the first call on (%i ms)', async (byMs) => {
    setMachineClock(byMs);
    await using client = new Client({ connection: connection(), logger: silentLogger });
    const queue = `first-${byMs}`;

    const task = await client.enqueue('later', undefined, { queue, processIn: '1m' });

    const dueAtMs = Number(await redis.client.hget(`asynq:{${queue}}:t:${task.id}`, 'due_at_ms'));
    const nowMs = await redisNowMs();
    expect(Math.abs(dueAtMs - nowMs - 60_000)).toBeLessThan(20_000);
    expect(Math.abs(task.nextProcessAt.getTime() - dueAtMs)).toBeLessThan(20_000);
  });

  it('keep a start time that the caller has chosen', async () => {
    setMachineClock(-HOUR_MS);
    await using client = new Client({ connection: connection(), logger: silentLogger });
    const processAt = new Date('2090-01-01T00:00:00Z');

    const task = await client.enqueue('later', undefined, { queue: 'chosen', processAt });

    expect(await redis.client.hget(`asynq:{chosen}:t:${task.id}`, 'due_at_ms')).toBe(String(processAt.getTime()));
  });

  it.each(['thread', 'inline'] as const)('hold leases by the time of Redis (heartbeat: %s)', async (heartbeat) => {
    setMachineClock(8 * HOUR_MS);
    const queue = `leased-${heartbeat}`;
    await using client = new Client({ connection: connection(), logger: silentLogger });
    await using server = new Server({
      connection: connection(),
      logger: silentLogger,
      queues: { [queue]: 1 },
      heartbeat,
    });
    const handled = new EventEmitter();
    const release = new EventEmitter();
    const started = once(handled, 'started');
    await server.start(async () => {
      const released = once(release, 'now');
      handled.emit('started');
      await released;
    });

    const task = await client.enqueue('long', undefined, { queue });
    await started;

    const leaseS = Number(await redis.client.zscore(`asynq:{${queue}}:lease`, task.id));
    expect(Math.abs(leaseS - (await redisNowMs()) / 1000 - 30)).toBeLessThan(20);
    release.emit('now');
  });

  it.each([-30_000, -HOUR_MS, 8 * HOUR_MS])('fire `@every 1s` evenly while it is set by %i ms', async (byMs) => {
    const fired = new EventEmitter();
    await using scheduler = new Scheduler({
      connection: connection(),
      logger: silentLogger,
      onEvent: (event) => void fired.emit(event.kind),
    });
    scheduler.register('@every 1s', 'tick', undefined, { queue: `ticks-${byMs}` });
    const first = once(fired, 'enqueued');
    await scheduler.start();
    await first;

    setMachineClock(byMs);
    for (let ticks = 0; ticks < 2; ticks++) await once(fired, 'enqueued');

    expect(await redis.client.llen(`asynq:{ticks-${byMs}}:pending`)).toBeLessThanOrEqual(5);
  });

  it.each([-30_000, -HOUR_MS, 8 * HOUR_MS])(
    'start tasks and retries in time while it is set by %i ms',
    async (byMs) => {
      const queue = `due-${byMs}`;
      const shared = { connection: connection(), logger: silentLogger };
      const startedAtMs: number[] = [];
      await using client = new Client(shared);
      await using server = new Server({ ...shared, queues: { [queue]: 1 }, retryDelay: () => 1_000 });
      await server.start(async () => {
        startedAtMs.push(await redisNowMs());
        if (startedAtMs.length === 1) throw new Error('not yet');
      });
      const { id } = await client.enqueue('later', undefined, { queue, processIn: '2s', retention: '1h' });
      const dueAtMs = Number(await redis.client.hget(`asynq:{${queue}}:t:${id}`, 'due_at_ms'));

      setMachineClock(byMs);
      await client.enqueue('other', undefined, { queue, processIn: '1h' });
      await vi.waitFor(() => expect(startedAtMs).toHaveLength(2), { timeout: 20_000 });

      expect(startedAtMs[0]).toBeGreaterThanOrEqual(dueAtMs - 1);
      expect(startedAtMs[1]! - startedAtMs[0]!).toBeGreaterThanOrEqual(999);
    },
  );

  it.each([-30_000, -HOUR_MS, 8 * HOUR_MS])(
    'aggregate, trim and time out in time while it is set by %i ms',
    async (byMs) => {
      const queue = `lengths-${byMs}`;
      const shared = { connection: connection(), logger: silentLogger };
      const sets: number[] = [];
      await using client = new Client(shared);
      await using server = new Server({
        ...shared,
        queues: { [queue]: 1 },
        janitorInterval: '1s',
        groupAggregator: {
          gracePeriod: '3s',
          aggregate: (_group, tasks) => {
            sets.push(tasks.length);
            return { type: 'sum' };
          },
        },
      });
      await server.start(() => undefined);
      const brief = await client.enqueue('brief', undefined, { queue, retention: '3s' });
      const kept = await client.enqueue('kept', undefined, { queue, retention: '1h' });
      await Promise.all([brief.wait(), kept.wait()]);
      await client.enqueue('part', undefined, { queue, group: 'g' });
      const late = await client.enqueue('late', undefined, { queue, processIn: '20h' });
      const timedOut = late.wait({ timeout: '3s' }).catch((error: unknown) => error);

      setMachineClock(byMs);
      await client.enqueue('part', undefined, { queue, group: 'g' });
      expect(await timedOut).toBeInstanceOf(WaitTimeoutError);
      await vi.waitFor(() => expect(sets).toEqual([2]), { timeout: 20_000 });
      const completed = `asynq:{${queue}}:completed`;
      await vi.waitFor(async () => expect(await redis.client.zrange(completed, '0', '-1')).toEqual([kept.id]), 20_000);
    },
  );

  it('use their own clock when TIME is forbidden', async () => {
    await redis.client.call('ACL', 'SETUSER', 'timeless', 'on', '>pw', '~*', '&*', '+@all', '-time');
    const url = connection().url.replace('redis://', 'redis://timeless:pw@');
    await using client = new Client({ connection: { url }, logger: silentLogger });
    await using server = new Server({ connection: { url }, logger: silentLogger, queues: { timeless: 1 } });
    await server.start(() => 'done');

    const task = await client.enqueue('a', undefined, { queue: 'timeless', retention: '1m' });

    expect(await task.result({ timeout: '20s' })).toBe('done');
  });
});
