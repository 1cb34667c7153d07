import { describe, expect, it, vi } from 'vitest';
import type { EnqueueItem } from '../client/enqueue-options.js';
import { ClosedError } from '../errors/closed.error.js';
import { CronSpecError } from '../errors/cron-spec.error.js';
import { InvalidOptionsError } from '../errors/invalid-options.error.js';
import { RedisCommandError } from '../errors/redis-command.error.js';
import { ScheduleNotFoundError } from '../errors/schedule-not-found.error.js';
import { type Logger, silentLogger } from '../runtime/logger.js';
import type { TaskEvent } from '../task/task-event.js';
import { failingBroker } from '../testing/failing-broker.js';
import { openMemoryQueue, type TestQueue } from '../testing/test-queue.js';
import type { PeriodicTaskConfig } from './periodic-entry.js';
import { Scheduler } from './scheduler.js';
import type { SchedulerOptions } from './scheduler-options.js';

/** A scheduler on a queue of its own, whose clock stands at a full minute. */
async function open(options: Partial<SchedulerOptions> = {}) {
  const queue = openMemoryQueue({ name: 'q' });
  await queue.clock.advance(60_000 - (queue.clock.nowMs() % 60_000));
  const broker = failingBroker(queue.broker);
  return { queue, clock: queue.clock, broker, ...(await another(queue, { connection: broker, ...options })) };
}

async function another(queue: TestQueue, options: Partial<SchedulerOptions> = {}) {
  const events: TaskEvent[] = [];
  const scheduler = new Scheduler({
    connection: queue.broker,
    logger: silentLogger,
    defaults: { queue: 'q' },
    onEvent: (event) => events.push(event),
    ...options,
  });
  return { scheduler, events };
}

/** Milliseconds from `startMs` to the enqueueing of each task. */
const offsets = (events: readonly TaskEvent[], startMs: number): number[] =>
  events.map(({ at }) => at.getTime() - startMs);

const waiting = async (queue: TestQueue): Promise<number> => (await queue.dump()).nextUp.length;

describe('Scheduler', () => {
  it('enqueues at each tick, to the second and without drift', async () => {
    const { scheduler, clock, events } = await open();
    await clock.advance(123);
    const startMs = clock.nowMs() - 123;
    scheduler.register('@every 45s', 'report:build', { kind: 'short' });
    scheduler.register('*/2 * * * *', 'report:build', { kind: 'long' });

    await scheduler.start();
    await clock.advance('4m');

    expect(offsets(events, startMs)).toEqual([45_000, 90_000, 120_000, 135_000, 180_000, 225_000, 240_000]);
    await scheduler.shutdown();
  });

  it('gives each task the payload and options it was registered with', async () => {
    const { scheduler, clock, queue } = await open();
    const options = { maxRetry: 3, taskId: 'fixed', retention: '1h', processIn: '10s' } as const;
    scheduler.register('@every 1m', 'report:build', { kind: 'daily' }, options);

    await scheduler.start();
    await clock.advance('1m');

    const stored = await queue.broker.findTask('q', 'fixed');
    expect(stored).toMatchObject({ state: 'scheduled', message: { maxRetry: 3, retentionS: 3600n } });
    expect(Buffer.from(stored!.message.payload).toString()).toBe('{"kind":"daily"}');
    await scheduler.shutdown();
  });

  it('sleeps until the next tick, and asks nothing of the broker meanwhile', async () => {
    const { scheduler, clock, broker } = await open();
    scheduler.register('@every 1h', 'a');
    await scheduler.start();
    await clock.advance('1s');
    const calls = vi.spyOn(broker, 'fireTick');
    const saves = vi.spyOn(broker, 'saveSchedule');

    await clock.advance('50m');

    expect([calls.mock.calls.length, saves.mock.calls.length]).toEqual([0, 0]);
    await scheduler.shutdown();
  });

  it('goes on where the one before it stopped, and catches up as it is told', async () => {
    const { scheduler, clock, queue } = await open();
    for (const catchUp of ['skip', 'one', 'all'] as const) {
      scheduler.register('@every 1m', catchUp, undefined, { catchUp, name: catchUp });
    }
    await scheduler.start();
    await clock.advance('90s');
    await scheduler.shutdown();
    await clock.advance('5m');

    const { scheduler: next, events } = await another(queue);
    for (const catchUp of ['skip', 'one', 'all'] as const) {
      next.register('@every 1m', catchUp, undefined, { catchUp, name: catchUp });
    }
    await next.start();
    await clock.advance('1s');

    const counts = ['skip', 'one', 'all'].map((type) => events.filter((event) => event.type === type).length);
    expect(counts).toEqual([0, 1, 5]);
    await next.shutdown();
  });

  it('fires after Redis was away for a moment, and once', async () => {
    const { scheduler, clock, broker, queue } = await open();
    scheduler.register('@every 1m', 'a');
    await scheduler.start();
    await clock.advance('30s');

    broker.failNext('fireTick', { times: 3 });
    await clock.advance('35s');

    expect(await waiting(queue)).toBe(1);
    await scheduler.shutdown();
  });

  it('does not enqueue again what a lost reply has enqueued', async () => {
    const { scheduler, clock, broker, queue } = await open();
    scheduler.register('@every 1m', 'a');
    await scheduler.start();
    await clock.advance('30s');

    broker.failNext('fireTick', { as: 'lostReply' });
    await clock.advance('60s');

    expect(await waiting(queue)).toBe(1);
    await scheduler.shutdown();
  });

  it('tells before each tick what it would enqueue, and enqueues it whatever the listener throws', async () => {
    const told: EnqueueItem[] = [];
    const beforeEnqueue = (task: EnqueueItem): void => {
      told.push(task);
      throw new Error('boom');
    };
    const error = vi.fn<Logger['error']>();
    const { scheduler, clock, events } = await open({ beforeEnqueue, logger: { ...silentLogger, error } });
    scheduler.register('@every 1m', 'report:build', Buffer.from('short'), { maxRetry: 3 });

    await scheduler.start();
    await clock.advance('2m');

    const task = { type: 'report:build', payload: Buffer.from('short'), options: { maxRetry: 3 } };
    expect(told).toEqual([task, task]);
    expect(events).toHaveLength(2);
    expect(error).toHaveBeenCalledTimes(2);
    await scheduler.shutdown();
  });

  it('pauses a schedule for all, and resumes it without making up for the pause', async () => {
    const { scheduler, clock, queue } = await open();
    const { scheduler: other } = await another(queue);
    const options = { name: 'a', catchUp: 'all' } as const;
    for (const one of [scheduler, other]) {
      one.register('@every 1m', 'a', undefined, options);
      await one.start();
    }
    await clock.advance('90s');

    const pauses = [await scheduler.pause('a'), await scheduler.pause('a')];
    await clock.advance('10m');
    const whilePaused = await waiting(queue);
    const resumed = await other.resume('a');
    await clock.advance('2m');

    expect([pauses, resumed, whilePaused, await waiting(queue)]).toEqual([[true, false], true, 1, 3]);
    await Promise.all([scheduler.shutdown(), other.shutdown()]);
  });

  it('runs a task now, beside its ticks', async () => {
    const { scheduler, clock, queue } = await open();
    const { id, name } = scheduler.register('@every 1m', 'a', 1);
    await scheduler.start();

    const task = await scheduler.runNow(name);
    await clock.advance('1m');

    expect(await waiting(queue)).toBe(2);
    expect((await queue.history(id)).map(({ taskId }) => taskId)).toContain(task.id);
    await scheduler.shutdown();
  });

  it('says what it has planned', async () => {
    const { scheduler, clock } = await open({ zone: 'Asia/Tokyo' });
    scheduler.register('0 6 * * *', 'a', undefined, { name: 'morning' });
    scheduler.register('@every 30s', 'b', undefined, { name: 'often' });
    await scheduler.start();
    await clock.advance('30s');

    const [morning, often] = scheduler.entries();

    expect(morning).toMatchObject({ name: 'morning', queue: 'q', spec: 'CRON_TZ=Asia/Tokyo 0 6 * * *', type: 'a' });
    expect(morning!.nextAt!.toISOString().slice(11)).toBe('21:00:00.000Z');
    const nowMs = clock.nowMs();
    expect(often).toMatchObject({ previousAt: new Date(nowMs), nextAt: new Date(nowMs + 30_000), isPaused: false });
    await scheduler.shutdown();
  });

  it('shows its plan and its history as asynq does, and takes both away', async () => {
    const { scheduler, clock, broker, queue } = await open();
    const writePlan = vi.spyOn(broker, 'writePlan');
    const { id } = scheduler.register('@every 30s', 'a', undefined, { maxRetry: 3, name: 'often' });
    scheduler.register('0 0 30 2 *', 'never', undefined, { name: 'never' });
    await scheduler.start();
    await clock.advance('40s');
    const schedulerId = writePlan.mock.calls[0]![0];

    const [plan, history] = [await queue.plan(schedulerId), await queue.history(id)];
    await scheduler.shutdown();

    const firedMs = clock.nowMs() - 10_000;
    expect(schedulerId).toMatch(/^[^:]+:\d+:[0-9a-f-]{36}$/);
    expect(plan).toMatchObject([
      {
        id,
        spec: '@every 30s',
        enqueueOptions: ['MaxRetry(3)'],
        nextEnqueueAtMs: firedMs + 30_000,
        prevEnqueueAtMs: firedMs,
      },
      { spec: '0 0 30 2 *', nextEnqueueAtMs: undefined, prevEnqueueAtMs: undefined },
    ]);
    expect(history).toEqual([{ taskId: (await queue.dump()).nextUp[0], enqueuedAtNs: BigInt(firedMs) * 1_000_000n }]);
    expect([await queue.plan(schedulerId), await queue.history(id)]).toEqual([[], []]);
  });

  it('fires a schedule no more whose spec another scheduler replaced, and says so once', async () => {
    const warn = vi.fn<Logger['warn']>();
    const { scheduler, clock, queue, events } = await open({ logger: { ...silentLogger, warn } });
    scheduler.register('@every 1m', 'a', undefined, { name: 'a' });
    await scheduler.start();
    await clock.advance('30s');
    const { scheduler: newer } = await another(queue);
    newer.register('@every 2m', 'a', undefined, { name: 'a' });
    await newer.start();

    await clock.advance('5m');

    expect([events.length, await waiting(queue), warn.mock.calls.length]).toEqual([0, 2, 1]);
    await Promise.all([scheduler.shutdown(), newer.shutdown()]);
  });

  it('begins a schedule anew that was removed', async () => {
    const { scheduler, clock, queue } = await open();
    scheduler.register('@every 1m', 'a', undefined, { name: 'a' });
    await scheduler.start();
    await clock.advance('30s');

    await queue.broker.removeSchedule({ queue: 'q', name: 'a' });
    await clock.advance('100s');

    expect(await waiting(queue)).toBe(1);
    await scheduler.shutdown();
  });

  it('takes entries in and out while it runs', async () => {
    const { scheduler, clock, queue } = await open();
    await scheduler.start();
    const { name } = scheduler.register('@every 1m', 'a');
    await clock.advance('61s');

    await scheduler.unregister(name);
    await clock.advance('5m');

    expect(await waiting(queue)).toBe(1);
    expect(await queue.broker.schedules('q')).toEqual([]);
    await scheduler.shutdown();
  });

  it('tells by a ping whether Redis answers, until it is shut down', async () => {
    const { scheduler, broker } = await open();
    broker.failNext('ping');

    await expect(scheduler.ping()).rejects.toThrow(RedisCommandError);
    await expect(scheduler.ping()).resolves.toBeUndefined();
    await scheduler.shutdown();
    await expect(scheduler.ping()).rejects.toThrow(ClosedError);
  });

  it('refuses what cannot work', async () => {
    const { scheduler } = await open();
    scheduler.register('@daily', 'a', 1);

    expect(() => scheduler.register('0 0 * * 7', 'a')).toThrow(CronSpecError);
    expect(() => scheduler.register('@daily', '')).toThrow(InvalidOptionsError);
    expect(() => scheduler.register('@daily', 'a', 1, { catchUp: 'some' as never })).toThrow(InvalidOptionsError);
    expect(() => scheduler.register('@daily', 'a', 1, { group: 'g' } as never)).toThrow('no group for a periodic task');
    expect(() => scheduler.register('@daily', 'a', 1)).toThrow('set it to tell equal ones apart');
    await expect(scheduler.runNow('b')).rejects.toThrow(ScheduleNotFoundError);
    await scheduler.shutdown();
    expect(() => scheduler.register('@daily', 'b')).toThrow(ClosedError);
    await expect(scheduler.start()).rejects.toThrow(ClosedError);
  });

  it('leaves the group of the default options out', async () => {
    const { scheduler, clock, queue } = await open({ defaults: { queue: 'q', group: 'g' } });
    scheduler.register('@every 1m', 'a');
    await scheduler.start();

    await clock.advance('1m');

    expect(await queue.dump()).toMatchObject({ nextUp: [expect.any(String)], groups: {} });
    await scheduler.shutdown();
  });

  it('refuses wrong options', () => {
    const options = { connection: 'memory', zone: 'Nowhere/Land', heartbeatIntervall: 5, provider: {} };

    expect(() => new Scheduler(options as never)).toThrow(InvalidOptionsError);
  });
});

describe('a provider of periodic tasks', () => {
  /** A provider that says what a test put into it. */
  const providing = (configs: PeriodicTaskConfig[]) => ({ configs, periodicTasks: () => configs });

  it('changes the plan at run time, and leaves what is as before', async () => {
    const provider = providing([
      { spec: '@every 1m', type: 'stays' },
      { spec: '@every 1m', type: 'goes' },
    ]);
    const { scheduler, clock, events } = await open({ provider, syncInterval: '30s' });
    await scheduler.start();
    const [stays] = scheduler.entries();

    provider.configs.splice(1, 1, { spec: '@every 1m', type: 'comes' });
    await clock.advance('61s');

    expect(scheduler.entries().map(({ type }) => type)).toEqual(['stays', 'comes']);
    expect(scheduler.entries()[0]!.id).toBe(stays!.id);
    expect(events.map(({ type }) => type)).toEqual(['stays']);
    await scheduler.shutdown();
  });

  it('keeps the progress of a named schedule whose payload changes', async () => {
    const provider = providing([{ spec: '@every 1m', type: 'a', payload: 1, options: { name: 'a' } }]);
    const { scheduler, clock, queue } = await open({ provider, syncInterval: '30s' });
    await scheduler.start();
    await clock.advance('10s');
    const [before] = await queue.broker.schedules('q');

    provider.configs[0] = { ...provider.configs[0]!, payload: 2 };
    await clock.advance('61s');

    const [after] = await queue.broker.schedules('q');
    expect(after).toEqual({ ...before, claimedMs: before!.claimedMs + 60_000, firedMs: before!.claimedMs + 60_000 });
    const [id] = (await queue.dump()).nextUp;
    expect(Buffer.from((await queue.broker.findTask('q', id!))!.message.payload).toString()).toBe('2');
    await scheduler.shutdown();
  });

  it('fails the start when its first answer cannot work', async () => {
    const { scheduler } = await open({ provider: providing([{ spec: '@daily', type: '' }]) });

    await expect(scheduler.start()).rejects.toThrow(InvalidOptionsError);

    expect(scheduler.state).toBe('closed');
  });

  it('changes nothing when it fails later, and is asked again', async () => {
    const provider = providing([{ spec: '@every 1h', type: 'a' }]);
    const { scheduler, clock } = await open({ provider, syncInterval: '30s' });
    await scheduler.start();

    provider.configs.push({ spec: '@every 1h', type: 'b' }, { spec: '@every 1h', type: '' });
    await clock.advance('45s');
    const whileFailing = scheduler.entries().map(({ type }) => type);
    provider.configs.pop();
    await clock.advance('2m');

    expect([whileFailing, scheduler.entries().map(({ type }) => type)]).toEqual([['a'], ['a', 'b']]);
    await scheduler.shutdown();
  });

  it('leaves out a spec that cannot be read, and logs it', async () => {
    const error = vi.fn<Logger['error']>();
    const provider = providing([
      { spec: '@weakly', type: 'a' },
      { spec: '@weekly', type: 'b' },
    ]);
    const { scheduler } = await open({ provider, logger: { ...silentLogger, error } });

    await scheduler.start();

    expect(scheduler.entries().map(({ type }) => type)).toEqual(['b']);
    expect(error).toHaveBeenCalledOnce();
    await scheduler.shutdown();
  });
});
