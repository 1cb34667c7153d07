import { describe, expect, it, vi } from 'vitest';
import type { EnqueueItem } from '../client/enqueue-options.js';
import { ClosedError } from '../errors/closed.error.js';
import { CronSpecError } from '../errors/cron-spec.error.js';
import { InvalidOptionsError } from '../errors/invalid-options.error.js';
import { RedisCommandError } from '../errors/redis-command.error.js';
import { ScheduleNotFoundError } from '../errors/schedule-not-found.error.js';
import type { Clock } from '../runtime/clock.js';
import { type Logger, silentLogger } from '../runtime/logger.js';
import type { TaskEvent } from '../task/task-event.js';
import type { Broker } from '../broker/contract/broker.js';
import { failingBroker } from '../test-support/failing-broker.js';
import { openMemoryQueue, type TestQueue } from '../test-support/test-queue.js';
import type { PeriodicTaskConfig } from './periodic-entry.js';
import { Scheduler } from './scheduler.js';
import type { SchedulerOptions } from './scheduler-options.js';

/** A scheduler on a queue of its own, whose clock starts at a full minute. */
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

type Options = Parameters<Scheduler['register']>[3];
type Fire = Broker['fireTick'];

/** A broker with one replaced method. */
function brokerWith(
  broker: Broker,
  name: 'fireTick',
  act: (tick: Parameters<Fire>[0], fire: Fire) => ReturnType<Fire>,
): Broker {
  return new Proxy(broker, {
    get: (target, member) => {
      if (member === name) return async (tick: Parameters<Fire>[0]) => act(tick, (one) => target.fireTick(one));
      const value: unknown = Reflect.get(target, member, target);
      return typeof value === 'function' ? (value as (...args: unknown[]) => unknown).bind(target) : value;
    },
  });
}

const HOUR_MS = 3_600_000;

const wall = (atMs: number): { hour: number; minute: number } => {
  const at = new Date(atMs);
  return { hour: at.getUTCHours(), minute: at.getUTCMinutes() };
};

/** A clock that is ahead of another one. */
const shifted = (clock: Clock, byMs: number): Clock => ({
  nowMs: () => clock.nowMs() + byMs,
  nowNs: () => clock.nowNs() + BigInt(byMs) * 1_000_000n,
  setTimer: (callback, delayMs) => clock.setTimer(callback, delayMs),
  clearTimer: (timer) => clock.clearTimer(timer),
});

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

  it('enqueues each task with its registered payload and options', async () => {
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

  it('sleeps until the next tick, without calls to the broker', async () => {
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

  it('continues where the previous one stopped, and catches up according to its option', async () => {
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

  it('fires once after Redis was briefly unavailable', async () => {
    const { scheduler, clock, broker, queue } = await open();
    scheduler.register('@every 1m', 'a');
    await scheduler.start();
    await clock.advance('30s');

    broker.failNext('fireTick', { times: 3 });
    await clock.advance('35s');

    expect(await waiting(queue)).toBe(1);
    await scheduler.shutdown();
  });

  it('catches up according to its option after a long outage of Redis', async () => {
    const { scheduler, clock, broker, events } = await open();
    for (const catchUp of ['skip', 'one', 'all'] as const) {
      scheduler.register('@every 1m', catchUp, undefined, { catchUp, name: catchUp });
    }
    await scheduler.start();
    await clock.advance('30s');

    broker.failNext('fireTick', { times: Infinity });
    await clock.advance('5m');
    broker.failNext('fireTick', { times: 0 });
    await clock.advance('6s');

    const counts = ['skip', 'one', 'all'].map((type) => events.filter((event) => event.type === type).length);
    expect(counts).toEqual([0, 1, 5]);
    await scheduler.shutdown();
  });

  it('does not delay a queue for another one that does not answer', async () => {
    const { queue, clock } = await open();
    const broker = brokerWith(queue.broker, 'fireTick', (tick, fire) =>
      tick.queue === 'down' ? new Promise(() => undefined) : fire(tick),
    );
    const { scheduler, events } = await another(queue, { connection: broker });
    scheduler.register('@every 1m', 'a', undefined, { queue: 'down' });
    scheduler.register('@every 1m', 'b');
    await scheduler.start();

    await clock.advance('3m');

    expect(events.map(({ type }) => type)).toEqual(['b', 'b', 'b']);
  });

  it('does not delay an entry for another one that always fails', async () => {
    const { queue, clock } = await open();
    const startMs = clock.nowMs();
    const error = vi.fn<Logger['error']>();
    const broker = brokerWith(queue.broker, 'fireTick', (tick, fire) => {
      if (tick.name === 'broken') throw new RedisCommandError('fire-tick', false, { cause: new Error('WRONGTYPE') });
      return fire(tick);
    });
    const { scheduler, events } = await another(queue, { connection: broker, logger: { ...silentLogger, error } });
    scheduler.register('@every 7s', 'a', undefined, { name: 'broken' });
    scheduler.register('@every 1s', 'b');
    await scheduler.start();

    await clock.advance('60s');

    expect(offsets(events, startMs)).toEqual(Array.from({ length: 60 }, (_, n) => (n + 1) * 1000));
    expect(error).toHaveBeenCalledTimes(2); // not at every attempt
    await scheduler.shutdown();
  });

  it('fires in time after the clock has jumped ahead, and never twice after it has jumped back', async () => {
    const { queue, clock } = await open();
    let leapMs = 0;
    const leaping: Clock = { ...shifted(clock, 0), nowMs: () => clock.nowMs() + leapMs };
    const { scheduler, events } = await another(queue, { clock: leaping });
    const startMs = clock.nowMs();
    scheduler.register('@every 1h', 'a');
    await scheduler.start();

    await clock.advance('10m');
    leapMs = 30 * 60_000;
    await clock.advance('21m');
    const afterLeap = events.length;
    leapMs = 0;
    await clock.advance('90m');

    expect(afterLeap).toBe(1);
    expect(events).toHaveLength(2);
    expect(clock.nowMs() - startMs).toBe(121 * 60_000);
    await scheduler.shutdown();
  });

  it('logs that it waits for a time up to which another clock has claimed ticks', async () => {
    const warn = vi.fn<Logger['warn']>();
    const { scheduler, clock, queue } = await open({ logger: { ...silentLogger, warn } });
    const { scheduler: first } = await another(queue);
    const { scheduler: ahead } = await another(queue, { clock: shifted(clock, 25 * HOUR_MS) });
    for (const one of [first, ahead, scheduler]) one.register('@every 24h', 'a', undefined, { catchUp: 'one' });
    for (const one of [first, ahead]) {
      await one.start();
      await clock.advance('1s');
      await one.shutdown();
    }

    await scheduler.start();
    await clock.advance('5m');

    expect(warn.mock.calls.map(([text]) => text)).toEqual([expect.stringContaining('some clock was ahead')]);
    await scheduler.shutdown();
  });

  it.each([-30_000, -HOUR_MS])('continues frequent ticks at once when the clock is set by %i ms', async (byMs) => {
    const { scheduler, clock, queue } = await open();
    scheduler.register('@every 1s', 'often');
    await scheduler.start();
    await clock.advance('10s');
    const before = await waiting(queue);

    clock.set(clock.nowMs() + byMs);
    await clock.advance('10s');

    const after = (await waiting(queue)) - before;
    expect([before, after >= 9 && after <= 10]).toEqual([10, true]);
    await scheduler.shutdown();
  });

  it('continues a tick of every minute within a minute when the clock is set back by an hour', async () => {
    const { scheduler, clock, queue } = await open();
    scheduler.register('* * * * *', 'often');
    await scheduler.start();
    await clock.advance('2m');

    clock.set(clock.nowMs() - HOUR_MS);
    await clock.advance('2m');

    expect(await waiting(queue)).toBe(4);
    await scheduler.shutdown();
  });

  it('enqueues no tick twice when the clock is set back by less than its interval', async () => {
    const { scheduler, clock, queue } = await open();
    const { hour, minute } = wall(clock.nowMs() + 60_000);
    scheduler.register(`${minute} ${hour} * * *`, 'daily', undefined, { zone: 'UTC' });
    await scheduler.start();
    await clock.advance('61s');
    const before = await waiting(queue);

    clock.set(clock.nowMs() - HOUR_MS);
    await clock.advance('2h');

    expect([before, await waiting(queue)]).toEqual([1, 1]);
    await scheduler.shutdown();
  });

  it('restarts from now when it starts after the clock was set back by an hour', async () => {
    const { scheduler: first, clock, queue } = await open();
    first.register('@every 1s', 'often');
    await first.start();
    await clock.advance('5s');
    await first.shutdown();

    clock.set(clock.nowMs() - HOUR_MS);
    const { scheduler } = await another(queue);
    scheduler.register('@every 1s', 'often');
    await scheduler.start();
    await clock.advance('5s');

    expect(await waiting(queue)).toBe(10);
    await scheduler.shutdown();
  });

  it('skips the ticks that a clock set ahead by 8 h has jumped over, and continues', async () => {
    const { scheduler, clock, queue } = await open();
    scheduler.register('@every 1s', 'often', undefined, { catchUp: 'skip' });
    await scheduler.start();
    await clock.advance('5s');

    clock.set(clock.nowMs() + 8 * HOUR_MS);
    await clock.advance('5s');

    expect(await waiting(queue)).toBe(10);
    await scheduler.shutdown();
  });

  it('waits at shutdown for a pending claim, and leaves no history behind', async () => {
    const { queue, clock } = await open();
    let endClaim: () => void = () => undefined;
    const claimed = new Promise<void>((resolve) => (endClaim = resolve));
    const broker = brokerWith(queue.broker, 'fireTick', async (tick, fire) => {
      const reply = await fire(tick);
      await claimed;
      return reply;
    });
    const { scheduler, events } = await another(queue, { connection: broker });
    const { id } = scheduler.register('@every 1m', 'a');
    await scheduler.start();
    await clock.advance('1m');

    const down = scheduler.shutdown();
    endClaim();
    await down;

    expect(events).toHaveLength(1);
    expect(await queue.history(id)).toEqual([]);
  });

  it('records nothing in a history that was cleared while its entry fired', async () => {
    const { queue, clock } = await open();
    let endClaim: () => void = () => undefined;
    const claimed = new Promise<void>((resolve) => (endClaim = resolve));
    const broker = brokerWith(queue.broker, 'fireTick', async (tick, fire) => {
      const reply = await fire(tick);
      await claimed;
      return reply;
    });
    const { scheduler } = await another(queue, { connection: broker });
    const { id, name } = scheduler.register('@every 1m', 'a');
    await scheduler.start();
    await clock.advance('1m');

    await scheduler.unregister(name);
    endClaim();
    await clock.advance('1s');

    expect(await queue.history(id)).toEqual([]);
    await scheduler.shutdown();
  });

  it('does not enqueue a task again after a lost reply', async () => {
    const { scheduler, clock, broker, queue } = await open();
    scheduler.register('@every 1m', 'a');
    await scheduler.start();
    await clock.advance('30s');

    broker.failNext('fireTick', { as: 'lostReply' });
    await clock.advance('60s');

    expect(await waiting(queue)).toBe(1);
    await scheduler.shutdown();
  });

  it.each([
    [
      'throws',
      (): never => {
        throw new Error('boom');
      },
    ],
    ['rejects with', () => Promise.reject(new Error('boom'))],
  ])('calls beforeEnqueue before each tick, and enqueues the task whatever the listener %s', async (_, fail) => {
    const told: EnqueueItem[] = [];
    const beforeEnqueue = (task: EnqueueItem): Promise<void> => {
      told.push(task);
      return fail();
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

  it('pauses a schedule for all schedulers, and resumes it without catching up', async () => {
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

  it('pauses and resumes a schedule whose spec another version of the app replaced, and keeps the new spec', async () => {
    const { scheduler, clock, queue } = await open();
    const { scheduler: newer } = await another(queue);
    scheduler.register('@every 1m', 'a', undefined, { name: 'a' });
    newer.register('@every 2m', 'a', undefined, { name: 'a' });
    await scheduler.start();
    await clock.advance('1s');
    await newer.start();
    await clock.advance('1s');

    const changes = [await scheduler.pause('a'), await scheduler.resume('a')];
    await clock.advance('1s');

    expect(changes).toEqual([true, true]);
    expect(await queue.broker.schedules('q')).toMatchObject([{ spec: '@every 2m', isPaused: false }]);
    await Promise.all([scheduler.shutdown(), newer.shutdown()]);
  });

  it('is notified at once when a schedule is paused, resumed or removed elsewhere', async () => {
    const { scheduler, clock, queue } = await open();
    scheduler.register('0 0 1 1 *', 'a', undefined, { name: 'yearly' });
    await scheduler.start();
    await clock.advance('1s');
    const yearly = { queue: 'q', name: 'yearly' };
    const seen: boolean[] = [];

    for (const isPaused of [true, false]) {
      await queue.broker.setSchedulePaused(yearly, isPaused);
      await clock.advance('10ms');
      seen.push(scheduler.entries()[0]!.isPaused);
    }
    await queue.broker.removeSchedule(yearly);
    await clock.advance('10ms');

    expect(seen).toEqual([true, false]);
    expect(await queue.broker.schedules('q')).toMatchObject([{ name: 'yearly', sinceMs: clock.nowMs() - 10 }]);
    await scheduler.shutdown();
  });

  it('fires without a subscription to changes, and subscribes again later', async () => {
    const { scheduler, clock, queue, broker } = await open();
    broker.failNext('onScheduleChanged', { times: 2 });
    scheduler.register('@every 1s', 'a', undefined, { name: 'a' });
    await scheduler.start();
    await clock.advance('3s');

    const fired = await waiting(queue);
    await queue.broker.setSchedulePaused({ queue: 'q', name: 'a' }, true);
    await clock.advance('10ms');

    expect(fired).toBe(3);
    expect(scheduler.entries()[0]!.isPaused).toBe(true);
    await scheduler.shutdown();
  });

  it('runs a task now, in addition to its ticks', async () => {
    const { scheduler, clock, queue } = await open();
    const { id, name } = scheduler.register('@every 1m', 'a', 1);
    await scheduler.start();

    const task = await scheduler.runNow(name);
    await clock.advance('1m');

    expect(await waiting(queue)).toBe(2);
    expect((await queue.history(id)).map(({ taskId }) => taskId)).toContain(task.id);
    await scheduler.shutdown();
  });

  it('returns its plan', async () => {
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

  it('publishes its plan and its history as asynq does, and removes both', async () => {
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

  it('no longer fires a schedule whose spec another scheduler replaced, and logs this once', async () => {
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

  it.each<{ part: string; other: Parameters<Scheduler['register']> }>([
    { part: 'type', other: ['@every 1m', 'b', 1, { name: 'n' }] },
    { part: 'spec', other: ['@every 2m', 'a', 1, { name: 'n' }] },
    { part: 'spec', other: ['@every 1m', 'a', 1, { name: 'n', zone: 'Asia/Tokyo' }] },
    { part: 'payload', other: ['@every 1m', 'a', 'pw=hunter2', { name: 'n' }] },
    { part: 'options', other: ['@every 1m', 'a', 1, { name: 'n', maxRetry: 3 }] },
    { part: 'options', other: ['@every 1m', 'a', 1, { name: 'n', processIn: '5s' }] },
    { part: 'options', other: ['@every 1m', 'a', 1, { name: 'n', headers: { token: 'pw=hunter2' } }] },
    { part: 'options', other: ['@every 1m', 'a', 1, { name: 'n', unique: { ttl: '1s', key: 'pw=hunter2' } }] },
    { part: 'catchUp', other: ['@every 1m', 'a', 1, { name: 'n', catchUp: 'all' }] },
  ])(
    'names both periodic tasks of one name when they differ in $part, once in each process',
    async ({ part, other }) => {
      const spec = other[3]?.zone ? '0 * * * *' : other[0];
      const lines: string[][] = [[], []];
      const loggerOf = (at: number): Logger => ({
        ...silentLogger,
        info: (line) => lines[at]!.push(line),
        warn: (line) => lines[at]!.push(line),
      });
      const { scheduler, clock, queue, events } = await open({ logger: loggerOf(0) });
      scheduler.register(other[3]?.zone ? spec : '@every 1m', 'a', 1, { name: 'n' });
      await scheduler.start();
      await clock.advance('1s');
      const { scheduler: later, events: firedLater } = await another(queue, { logger: loggerOf(1) });
      later.register(spec, ...(other.slice(1) as [string, unknown, object]));
      await later.start();

      await clock.advance('130m');

      const named = other[1] === 'b' ? ['type "a"', 'type "b"'] : ['type "a"', 'type "a"'];
      expect(lines.map((own) => own.length)).toEqual([1, 1]);
      for (const [line] of lines) {
        for (const name of named) expect(line).toContain(name);
        expect(line).toMatch(new RegExp(`other [A-Za-z, ]*${part}`));
        expect(line).not.toContain('hunter2');
      }
      expect(lines[0]![0]).toContain('no longer fires here');
      expect(events).toEqual([]);
      expect(firedLater.length).toBeGreaterThan(1);
      await Promise.all([scheduler.shutdown(), later.shutdown()]);
    },
  );

  it('names both periodic tasks of one name when they are stored at the same time', async () => {
    const lines: string[][] = [[], []];
    const loggerOf = (at: number): Logger => ({ ...silentLogger, warn: (line) => lines[at]!.push(line) });
    const { scheduler, clock, queue } = await open({ logger: loggerOf(0) });
    const { scheduler: other } = await another(queue, { logger: loggerOf(1) });
    scheduler.register('@every 1m', 'a', undefined, { name: 'n' });
    other.register('@every 1m', 'b', undefined, { name: 'n' });
    const save = queue.broker.saveSchedule.bind(queue.broker);
    const proceed = new Map<string, () => void>();
    vi.spyOn(queue.broker, 'saveSchedule').mockImplementation(async (definition) => {
      await new Promise<void>((resolve) => proceed.set(definition.template.message.type, resolve));
      return save(definition);
    });

    await Promise.all([scheduler.start(), other.start()]);
    await vi.waitUntil(() => proceed.size === 2);
    for (const type of ['a', 'b']) proceed.get(type)!();
    await clock.advance('5m');

    expect(lines).toEqual([
      [expect.stringContaining('(type "a", spec "@every 1m") no longer fires here')],
      [expect.stringContaining('(type "b", spec "@every 1m") replaces the one')],
    ]);
    await Promise.all([scheduler.shutdown(), other.shutdown()]);
  });

  it('ignores the order of headers in a definition', async () => {
    const lines: string[] = [];
    const logger: Logger = { ...silentLogger, info: (line) => lines.push(line), warn: (line) => lines.push(line) };
    const { scheduler, clock, queue, events } = await open({ logger });
    const { scheduler: other, events: firedThere } = await another(queue, { logger });
    scheduler.register('@every 1m', 'a', 1, { name: 'n', headers: { a: '1', b: '2' } });
    other.register('@every 1m', 'a', 1, { name: 'n', headers: { b: '2', a: '1' } });
    await scheduler.start();
    await clock.advance('1s');
    await other.start();

    await clock.advance('5m');

    expect(lines).toEqual([]);
    expect(events.length + firedThere.length).toBe(5);
    await Promise.all([scheduler.shutdown(), other.shutdown()]);
  });

  it.each<{ part: string; one?: Options; two?: Options; defaults?: SchedulerOptions['defaults'] }>([
    { part: 'key of its lock', one: { unique: { ttl: '1s', key: 'a' } }, two: { unique: { ttl: '1s', key: 'b' } } },
    { part: 'catchUp', two: { catchUp: 'all' } },
    { part: 'default options', defaults: { queue: 'q', maxRetry: 1 } },
  ])('without a name is another schedule when its $part differs', async ({ one, two, defaults }) => {
    const { scheduler, clock, queue, events } = await open();
    const { scheduler: other, events: firedThere } = await another(queue, defaults && { defaults });
    scheduler.register('@every 1m', 'a', 1, one);
    other.register('@every 1m', 'a', 1, two);
    await Promise.all([scheduler.start(), other.start()]);

    await clock.advance('3m');

    expect([events.length, firedThere.length]).toEqual([3, 3]);
    await Promise.all([scheduler.shutdown(), other.shutdown()]);
  });

  it('leaves the schedule that replaced its own when it is unregistered', async () => {
    const { scheduler, clock, queue } = await open();
    const { scheduler: other } = await another(queue);
    scheduler.register('@every 1m', 'a', undefined, { name: 'n' });
    await scheduler.start();
    await clock.advance('1s');
    other.register('@every 1h', 'b', undefined, { name: 'n' });
    await other.start();
    await clock.advance('50m');
    await other.pause('n');
    const [before] = await queue.broker.schedules('q');

    await scheduler.unregister('n');
    await clock.advance('1m');

    expect(await queue.broker.schedules('q')).toEqual([before]);
    await Promise.all([scheduler.shutdown(), other.shutdown()]);
  });

  it('warns once in each process during a rolling deployment, and does not fight over the name', async () => {
    const warnings: string[] = [];
    const logger: Logger = { ...silentLogger, warn: (line) => warnings.push(line) };
    const { scheduler, clock, queue, broker } = await open({ logger });
    const saves = vi.spyOn(broker, 'saveSchedule');
    const others = await Promise.all([1, 2].map(() => another(queue, { logger })));
    const older = [scheduler, ...others.map((one) => one.scheduler)];
    const running = [...older];
    for (const one of older) one.register('@every 1m', 'a', { version: 1 }, { name: 'n' });
    await Promise.all(older.map((one) => one.start()));
    await clock.advance('3m');

    for (const _ of older) {
      const { scheduler: newer } = await another(queue, { logger });
      newer.register('@every 1m', 'a', { version: 2 }, { name: 'n' });
      await newer.start();
      running.push(newer);
      await clock.advance('3m');
    }

    expect(warnings).toHaveLength(3);
    expect(saves).toHaveBeenCalledTimes(6);
    expect(await waiting(queue)).toBe(12);
    await Promise.all(running.map((one) => one.shutdown()));
  });

  it('takes over a name again after the scheduler that replaced it has stopped', async () => {
    const warnings: string[] = [];
    const { scheduler, clock, queue, events } = await open({
      logger: { ...silentLogger, warn: (line) => warnings.push(line) },
    });
    scheduler.register('@every 1m', 'a', undefined, { name: 'n' });
    await scheduler.start();
    await clock.advance('1s');
    const { scheduler: other } = await another(queue);
    other.register('@every 2m', 'b', undefined, { name: 'n' });
    await other.start();
    await clock.advance('5m');
    await other.shutdown();
    const before = events.length;

    await clock.advance('10m');

    expect(before).toBe(0);
    expect(events.length).toBeGreaterThan(5);
    expect(warnings.at(-1)).toContain('replaces the one that was stored under this name (type "b"');
  });

  it('creates a removed schedule again', async () => {
    const { scheduler, clock, queue } = await open();
    scheduler.register('@every 1m', 'a', undefined, { name: 'a' });
    await scheduler.start();
    await clock.advance('30s');

    await queue.broker.removeSchedule({ queue: 'q', name: 'a' });
    await clock.advance('100s');

    expect(await waiting(queue)).toBe(1);
    await scheduler.shutdown();
  });

  it('adds and removes entries while it runs', async () => {
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

  it('pings Redis until it is shut down', async () => {
    const { scheduler, broker } = await open();
    broker.failNext('ping');

    await expect(scheduler.ping()).rejects.toThrow(RedisCommandError);
    await expect(scheduler.ping()).resolves.toBeUndefined();
    await scheduler.shutdown();
    await expect(scheduler.ping()).rejects.toThrow(ClosedError);
  });

  it('refuses invalid registrations', async () => {
    const { scheduler } = await open();
    scheduler.register('@daily', 'a', 1);

    expect(() => scheduler.register('0 0 * * 7', 'a')).toThrow(CronSpecError);
    expect(() => scheduler.register('@daily', '')).toThrow(InvalidOptionsError);
    expect(() => scheduler.register('@daily', 'a', 1, { catchUp: 'some' as never })).toThrow(InvalidOptionsError);
    expect(() => scheduler.register('@daily', 'a', 1, { group: 'g' } as never)).toThrow('no group for a periodic task');
    expect(() => scheduler.register('@daily', 'a', 1)).toThrow('set it to distinguish equal ones');
    await expect(scheduler.runNow('b')).rejects.toThrow(ScheduleNotFoundError);
    await scheduler.shutdown();
    expect(() => scheduler.register('@daily', 'b')).toThrow(ClosedError);
    await expect(scheduler.start()).rejects.toThrow(ClosedError);
  });

  it('ignores the group of the default options', async () => {
    const { scheduler, clock, queue } = await open({ defaults: { queue: 'q', group: 'g' } });
    scheduler.register('@every 1m', 'a');
    await scheduler.start();

    await clock.advance('1m');

    const { nextUp, groups } = await queue.dump();
    expect({ nextUp, groups }).toEqual({ nextUp: [expect.any(String)], groups: {} });
    await scheduler.shutdown();
  });

  it('refuses wrong options', () => {
    const options = { connection: 'memory', zone: 'Nowhere/Land', heartbeatIntervall: 5, provider: {} };

    expect(() => new Scheduler(options as never)).toThrow(InvalidOptionsError);
  });
});

describe('a provider of periodic tasks', () => {
  /** A provider that returns what a test put into it. */
  const providing = (configs: PeriodicTaskConfig[]) => ({ configs, periodicTasks: () => configs });

  it('changes the plan at run time, and keeps unchanged entries', async () => {
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
    const claimedMs = before!.claimedMs + 60_000;
    expect(after).toMatchObject({ sinceMs: before!.sinceMs, claimedMs, firedMs: claimedMs });
    expect(Buffer.from(after!.template!.message.payload).toString()).toBe('2');
    const [id] = (await queue.dump()).nextUp;
    expect(Buffer.from((await queue.broker.findTask('q', id!))!.message.payload).toString()).toBe('2');
    await scheduler.shutdown();
  });

  it.each([{ unique: { ttl: '1h', key: 'b' } }, { unique: { ttl: '1h', key: 'a' }, catchUp: 'all' }] as const)(
    'may change the options of a named schedule to %o',
    async (options) => {
      const task = { spec: '@every 1m', type: 'a', options: { name: 'n', unique: { ttl: '1h', key: 'a' } } } as const;
      const provider = providing([task]);
      const { scheduler, clock, queue } = await open({ provider, syncInterval: '30s' });
      await scheduler.start();
      await clock.advance('10s');
      const [before] = await queue.broker.schedules('q');

      provider.configs[0] = { ...task, options: { ...options, name: 'n' } };
      await clock.advance('31s');

      const [after] = await queue.broker.schedules('q');
      expect({ ...after, ...before }).not.toEqual(after);
      await scheduler.shutdown();
    },
  );

  it('fails the start when one of its tasks has an unknown field', async () => {
    const task = { spec: '@daily', type: 'a', queue: 'low' } as PeriodicTaskConfig;
    const { scheduler } = await open({ provider: providing([task]) });

    await expect(scheduler.start()).rejects.toThrow(
      'option "queue" is text; allowed: only spec, type, payload, options',
    );
  });

  it('fails the start when its first answer is invalid', async () => {
    const { scheduler } = await open({ provider: providing([{ spec: '@daily', type: '' }]) });

    await expect(scheduler.start()).rejects.toThrow(InvalidOptionsError);

    expect(scheduler.state).toBe('closed');
  });

  it('changes nothing when it fails later, and is called again', async () => {
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

  it('changes nothing while two periodic tasks have one name', async () => {
    const provider = providing([{ spec: '@every 1h', type: 'a' }]);
    const { scheduler, clock } = await open({ provider, syncInterval: '30s' });
    scheduler.register('@every 1h', 'fixed', undefined, { name: 'mine' });
    await scheduler.start();
    const before = scheduler.entries();

    const plans: string[][] = [];
    for (const name of ['twice', 'mine']) {
      const options = { name };
      provider.configs.splice(0, 2, { spec: '@daily', type: 'b', options }, { spec: '@hourly', type: 'c', options });
      await clock.advance('2m');
      plans.push(scheduler.entries().map(({ id }) => id));
    }

    const ids = before.map(({ id }) => id);
    expect(plans).toEqual([ids, ids]);
    await scheduler.shutdown();
  });

  it('may return the same task twice', async () => {
    const provider = providing([
      { spec: '@every 1h', type: 'a' },
      { spec: '@every 1h', type: 'a' },
    ]);
    const { scheduler } = await open({ provider });

    await scheduler.start();

    expect(scheduler.entries()).toHaveLength(1);
    await scheduler.shutdown();
  });

  it('restores tasks that it drops while Redis is unavailable, and deletes those that stay dropped when Redis is back', async () => {
    const task = { spec: '@every 1h', type: 'a', options: { name: 'a' } };
    const provider = providing([task, { ...task, type: 'b', options: { name: 'b' } }]);
    const { scheduler, clock, broker, queue } = await open({ provider, syncInterval: '30s' });
    await scheduler.start();
    await clock.advance('1s');

    const gone = provider.configs.splice(0, 2);
    broker.failNext('clearHistory', { times: Infinity });
    await clock.advance('35s');
    provider.configs.push(gone[0]!);
    await clock.advance('35s');
    broker.failNext('clearHistory', { times: 0 });
    await clock.advance('35s');

    expect(scheduler.entries().map(({ name }) => name)).toEqual(['a']);
    expect((await queue.broker.schedules('q')).map(({ name }) => name)).toEqual(['a']);
    await scheduler.shutdown();
  });

  it('does not delay the shutdown when it never answers', async () => {
    let calls = 0;
    const periodicTasks = () => (calls++ === 0 ? [] : new Promise<PeriodicTaskConfig[]>(() => undefined));
    const { scheduler, clock } = await open({ provider: { periodicTasks }, syncInterval: '30s' });
    await scheduler.start();
    await clock.advance('1m');

    await scheduler.shutdown();

    expect([calls, scheduler.state]).toEqual([2, 'closed']);
  });

  it('does not revive a scheduler that was shut down during its call', async () => {
    let answer: (configs: PeriodicTaskConfig[]) => void = () => undefined;
    const asked = new Promise<PeriodicTaskConfig[]>((resolve) => (answer = resolve));
    const { scheduler, clock, queue } = await open({ provider: { periodicTasks: () => asked } });

    const started = scheduler.start().catch((error: unknown) => error);
    await scheduler.shutdown();
    const failure = await started;
    answer([{ spec: '@every 1s', type: 'a' }]);
    await clock.advance('5s');

    expect(failure).toBeInstanceOf(ClosedError);
    expect(await waiting(queue)).toBe(0);
  });

  it('skips an invalid spec, and logs it', async () => {
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
