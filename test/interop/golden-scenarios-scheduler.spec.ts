import { CronSpecError, ClosedError, ScheduleNotFoundError, Scheduler } from '@nestjs-asynq/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { asGoShowsEntry } from './as-go-shows.js';
import { GoldenStage } from './golden-stage.js';

/** When the recorded scheduler was started: its ticks are computed from here. */
const RECORDED_AT_MS = Date.parse('2026-11-21T07:55:42.326Z');

const WELCOME = { userId: 12345, template: 'welcome' };

describe('schedulers leave the same state as those of Go', () => {
  let redis: RedisServer;
  beforeAll(async () => void (redis = await startRedis()));
  afterAll(() => redis.stop());

  it('scheduler: its plan, a tick, its history, and its end', async () => {
    await using stage = new GoldenStage(redis, 'scheduler', RECORDED_AT_MS);
    const { inspector } = stage;
    await using scheduler = new Scheduler({ ...stage.withClock(), heartbeatInterval: '2s' });
    const plan = (): Promise<Buffer[]> => shownPlan(stage);
    let [yearly, tick] = ['', ''];

    await stage.play(1, async () => {
      const options = { queue: 'low', maxRetry: 3, timeout: '20s' } as const;
      ({ id: tick } = scheduler.register('@every 3s', 'reports:tick', WELCOME, { ...options, name: 'tick' }));
      ({ id: yearly } = scheduler.register('0 0 1 1 *', 'reports:yearly', undefined, { name: 'yearly' }));
    });
    await stage.play(2, async () => {
      await scheduler.start();
      await stage.until(async () => (await plan()).length === 2);
    });
    await stage.play(3, async () => {
      await stage.pass(async () => (await stage.redis.llen('asynq:{low}:pending')) === 1);
      const atTick = await plan();
      await stage.pass(async () => !isSame(await plan(), atTick));
    });
    await stage.read(4, () => inspector.schedulerEvents(yearly));
    await stage.read(5, async () => (await inspector.schedulerEvents(tick)).map(() => ({ TaskID: '<uuid>' })));
    await stage.read(6, async () => (await inspector.schedulerEntries()).map(asGoShowsEntry));
    await stage.play(7, () => scheduler.shutdown());
    const another = new Scheduler({ ...stage.withClock() });
    await stage.fail(8, () => another.register('bad spec', 't'), CronSpecError);
    await stage.fail(9, () => another.unregister('nope'), ScheduleNotFoundError);
    await another.shutdown();
    await stage.fail(10, () => scheduler.start(), ClosedError);

    expect(stage.missing()).toEqual([]);
  });

  it('periodic_task_manager: periodic tasks from a provider', async () => {
    await using stage = new GoldenStage(redis, 'periodic_task_manager', RECORDED_AT_MS);
    const options = { queue: 'low', unique: '30m', name: 'hourly' } as const;
    const config = { spec: '@every 1h', type: 't', payload: WELCOME, options };
    await using scheduler = new Scheduler({
      ...stage.withClock(),
      heartbeatInterval: '1s',
      provider: { periodicTasks: () => [config] },
    });

    await stage.play(1, async () => {
      await scheduler.start();
      await stage.until(async () => (await shownPlan(stage)).length === 1);
    });
    await stage.play(2, () => scheduler.shutdown());

    expect(stage.missing()).toEqual([]);
  });
});

/** The bytes of all entries that schedulers show. */
async function shownPlan({ redis }: GoldenStage): Promise<Buffer[]> {
  const [key] = await redis.keys('asynq:schedulers:*');
  return key === undefined ? [] : redis.lrangeBuffer(key, 0, -1);
}

const isSame = (a: readonly Buffer[], b: readonly Buffer[]): boolean =>
  Buffer.concat([...a]).equals(Buffer.concat([...b]));
