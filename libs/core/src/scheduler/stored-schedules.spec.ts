import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DuplicateTaskError } from '../errors/duplicate-task.error.js';
import { InvalidOptionsError } from '../errors/invalid-options.error.js';
import { MessageDecodeError } from '../errors/message-decode.error.js';
import { ScheduleNotFoundError } from '../errors/schedule-not-found.error.js';
import { TaskIdConflictError } from '../errors/task-id-conflict.error.js';
import { silentLogger } from '../runtime/logger.js';
import type { PeriodicTaskOptions } from './periodic-options.js';
import { Scheduler } from './scheduler.js';
import { type FailingBroker, failingBroker } from '../test-support/failing-broker.js';
import { openMemoryQueue, type TestQueue } from '../test-support/test-queue.js';
import { Inspector } from '../inspector/inspector.js';

let q: TestQueue;
let broker: FailingBroker;
let inspector: Inspector;
let running: Scheduler[];

beforeEach(async () => {
  q = openMemoryQueue({ name: 'q' });
  await q.clock.advance(60_000 - (q.clock.nowMs() % 60_000));
  broker = failingBroker(q.broker);
  inspector = new Inspector({ connection: broker, logger: silentLogger });
  running = [];
});

afterEach(async () => {
  await Promise.all(running.map((scheduler) => scheduler.shutdown()));
});

/** A running scheduler with one periodic task, `report` in the queue `q`. */
async function startReport(spec: string, options: PeriodicTaskOptions = {}): Promise<Scheduler> {
  const scheduler = new Scheduler({ connection: q.broker, logger: silentLogger });
  running.push(scheduler);
  scheduler.register(spec, 'report:build', { kind: 'daily' }, { name: 'report', queue: 'q', ...options });
  await scheduler.start();
  await q.clock.advance('1s');
  return scheduler;
}

describe('stored schedules', () => {
  it('are listed with their tasks, times and schedulers', async () => {
    const startedMs = q.clock.nowMs();
    const scheduler = await startReport('@every 30s');
    await q.clock.advance('40s');

    const [report] = await inspector.schedules('q');

    expect(report).toEqual({
      queue: 'q',
      name: 'report',
      spec: '@every 30s',
      type: 'report:build',
      payload: Uint8Array.from(Buffer.from('{"kind":"daily"}')),
      isPaused: false,
      since: new Date(startedMs),
      lastFiredAt: new Date(startedMs + 30_000),
      nextAt: new Date(startedMs + 60_000),
      dueAt: new Date(startedMs + 60_000),
      entryIds: [scheduler.entries()[0]!.id],
    });
  });

  it('outlive their schedulers', async () => {
    const scheduler = await startReport('0 3 * * *', { zone: 'Asia/Tokyo' });
    await scheduler.shutdown();

    const [report] = await inspector.schedules('q');

    expect(report).toMatchObject({ spec: 'CRON_TZ=Asia/Tokyo 0 3 * * *', lastFiredAt: undefined, entryIds: [] });
    expect(report!.nextAt!.toISOString().slice(11)).toBe('18:00:00.000Z');
  });

  it('of all queues are listed by queue and name', async () => {
    const scheduler = new Scheduler({ connection: q.broker, logger: silentLogger });
    running.push(scheduler);
    for (const [queue, name] of [
      ['z', 'a'],
      ['q', 'b'],
      ['q', 'a'],
    ] as const) {
      scheduler.register('30 0 0 1 1 *', 't', undefined, { queue, name: `${queue}-${name}`, seconds: true });
    }
    await scheduler.start();
    await q.clock.advance('1s');

    const all = await inspector.schedules();

    expect(all.map(({ name }) => name)).toEqual(['q-a', 'q-b', 'z-a']);
    expect(all[0]!.nextAt!.toISOString()).toMatch(/-01-01T00:00:30.000Z$/);
    expect(await inspector.schedules('unknown')).toEqual([]);
  });

  it('distinguish schedulers with another spec under the same name', async () => {
    const scheduler = await startReport('@every 1h');
    const newer = await startReport('@every 2h');

    const [report] = await inspector.schedules('q');

    expect(report!.entryIds).toEqual([newer.entries()[0]!.id]);
    expect(scheduler.entries()).toHaveLength(1);
  });

  it('are listed even if their spec or task cannot be read', async () => {
    await q.broker.saveSchedule({ queue: 'q', name: 'odd', spec: '@solstice', template: { message: q.message('') } });

    expect(await inspector.schedules('q')).toMatchObject([{ name: 'odd', spec: '@solstice', nextAt: undefined }]);
  });

  it('are paused and resumed for every scheduler', async () => {
    const scheduler = await startReport('@every 1m');
    const seen = () => [scheduler.entries()[0]!.isPaused];

    const changes = [await inspector.pauseSchedule('q', 'report'), await inspector.pauseSchedule('q', 'report')];
    await q.clock.advance('10m');
    const whilePaused = [...seen(), (await inspector.schedules('q'))[0]!.isPaused, (await q.dump()).nextUp.length];
    changes.push(await inspector.resumeSchedule('q', 'report'), await inspector.resumeSchedule('q', 'report'));
    await q.clock.advance('1m');

    expect(changes).toEqual([true, false, true, false]);
    expect(whilePaused).toEqual([true, true, 0]);
    expect([...seen(), (await q.dump()).nextUp.length]).toEqual([false, 1]);
  });

  it('are removed when no scheduler has them', async () => {
    const scheduler = await startReport('@every 1m');
    await scheduler.shutdown();

    await inspector.removeSchedule('q', 'report');

    expect(await inspector.schedules()).toEqual([]);
  });

  it('are created again at once when they are removed while a scheduler has them', async () => {
    await startReport('0 0 1 1 *');
    await inspector.pauseSchedule('q', 'report');
    await q.clock.advance('1m');
    const removedMs = q.clock.nowMs();

    await inspector.removeSchedule('q', 'report');
    await q.clock.advance('1s');

    expect(await inspector.schedules('q')).toMatchObject([{ since: new Date(removedMs), isPaused: false }]);
  });

  it('run now without a scheduler, as their ticks would', async () => {
    const scheduler = await startReport('@daily', { processIn: '10s', unique: '1h', maxRetry: 3, headers: { a: 'b' } });
    await scheduler.shutdown();

    const task = await inspector.runSchedule('q', 'report');

    const nextProcessAt = new Date(q.clock.nowMs() + 10_000);
    expect(task).toMatchObject({ queue: 'q', type: 'report:build', initialState: 'scheduled', nextProcessAt });
    expect(await inspector.taskInfo('q', task.id)).toMatchObject({
      state: 'scheduled',
      maxRetry: 3,
      headers: { a: 'b' },
    });
    const [[lock, holder]] = Object.entries((await q.dump()).locks) as [[string, string]];
    expect([lock.startsWith('asynq:{q}:unique:report:build:'), holder]).toEqual([true, task.id]);
    await expect(inspector.runSchedule('q', 'report')).rejects.toThrow(DuplicateTaskError);
  });

  it('run with the payload that a scheduler stored last', async () => {
    await (await startReport('@daily')).shutdown();
    const scheduler = new Scheduler({ connection: q.broker, logger: silentLogger });
    running.push(scheduler);
    scheduler.register('@daily', 'report:build', { kind: 'new' }, { name: 'report', queue: 'q', taskId: 'fixed' });
    await scheduler.start();
    await q.clock.advance('1s');

    await inspector.runSchedule('q', 'report');

    expect(Buffer.from((await inspector.taskInfo('q', 'fixed')).payload).toString()).toBe('{"kind":"new"}');
    await expect(inspector.runSchedule('q', 'report')).rejects.toThrow(TaskIdConflictError);
  });

  it('record a run in the history of a running scheduler, if there is one', async () => {
    const scheduler = await startReport('@daily');
    const { id } = scheduler.entries()[0]!;

    const task = await inspector.runSchedule('q', 'report');
    const history = await inspector.schedulerEvents(id);
    broker.failNext('recordEnqueueEvent');
    const unnoted = await inspector.runSchedule('q', 'report');

    expect(history.map(({ taskId }) => taskId)).toEqual([task.id]);
    expect(await unnoted.state()).toBe('pending');
  });

  it('must exist by name', async () => {
    await startReport('@daily');

    const wrong = await inspector.pauseSchedule('q', 'reprot').catch((error: unknown) => error);

    expect(wrong).toBeInstanceOf(ScheduleNotFoundError);
    expect(wrong).toMatchObject({ code: 'SCHEDULE_NOT_FOUND', scheduleName: 'reprot', queue: 'q', nearest: 'report' });
    expect((wrong as Error).message).toBe('no periodic task of queue "q" is named "reprot"; did you mean "report"?');
    await expect(inspector.resumeSchedule('q', 'x')).rejects.toThrow(ScheduleNotFoundError);
    await expect(inspector.removeSchedule('other', 'report')).rejects.toThrow(ScheduleNotFoundError);
    await expect(inspector.runSchedule('q', 'x')).rejects.toThrow(ScheduleNotFoundError);
    await expect(inspector.runSchedule('q', '')).rejects.toThrow(InvalidOptionsError);
    await expect(inspector.schedules('')).rejects.toThrow(InvalidOptionsError);
  });

  it('refuse to run when their task cannot be read', async () => {
    await startReport('@daily');
    const stored = await q.broker.findSchedule({ queue: 'q', name: 'report' });
    broker.findSchedule = async () => ({ ...stored!, template: undefined });

    await expect(inspector.runSchedule('q', 'report')).rejects.toThrow(MessageDecodeError);
  });
});
