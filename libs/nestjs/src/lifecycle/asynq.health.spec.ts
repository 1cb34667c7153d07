import { randomUUID } from 'node:crypto';
import { HealthCheckService, TerminusModule } from '@nestjs/terminus';
import { Test, type TestingModule } from '@nestjs/testing';
import { openBroker } from '@nestjs-asynq/core';
import { FakeClock } from '@nestjs-asynq/core/testing';
import { describe, expect, it, vi } from 'vitest';
import { AsynqModule, type AsynqModuleOptions, TaskHandler, TaskInspector, TaskServer } from '../index.js';
import { RecordingLog, startApp, type TestApp } from '../test-app.fixture.js';
import { AsynqHealthIndicator, type AsynqHealthOptions } from './asynq.health.js';

type FetchReply = Awaited<ReturnType<ReturnType<typeof openBroker>['fetch']>>;

class MailTasks {
  @TaskHandler('mail:send')
  send(): void {}
}

const start = (asynq: Partial<AsynqModuleOptions> = {}): Promise<TestApp> =>
  startApp({ imports: [TerminusModule], providers: [MailTasks, AsynqHealthIndicator], asynq });

it('is up while Redis answers and the server runs', async () => {
  await using app = await start();
  const indicator = app.context.get(AsynqHealthIndicator);

  const result = await app.context.get(HealthCheckService).check([() => indicator.check('queue')]);

  expect(result).toMatchObject({ status: 'ok', info: { queue: { status: 'up', server: 'active' } } });
});

it('is up in a process that only enqueues', async () => {
  await using app = await start({ worker: false });

  const result = await app.context.get(AsynqHealthIndicator).check('queue');

  expect(result).toEqual({ queue: { status: 'up', server: 'off' } });
});

it('is down when Redis fails', async () => {
  const connection = openBroker('memory');
  await using app = await start({ connection });
  connection.ping = () => Promise.reject(new Error('connection lost'));

  const result = await app.context.get(AsynqHealthIndicator).check('queue');

  expect(result).toEqual({ queue: { status: 'down', server: 'active', message: 'connection lost' } });
});

it('is down when Redis is silent', async () => {
  const connection = openBroker('memory');
  await using app = await start({ connection });
  connection.ping = () => new Promise<void>(() => undefined);

  const result = await app.context.get(AsynqHealthIndicator).check('queue', { timeout: '5ms' });

  expect(result.queue).toMatchObject({ status: 'down', message: 'Redis did not answer within 5 ms' });
});

it('is down once the server has stopped', async () => {
  await using app = await start();
  await app.context.get(TaskServer).shutdown();

  const result = await app.context.get(AsynqHealthIndicator).check('queue');

  expect(result).toEqual({ queue: { status: 'down', server: 'closed' } });
});

it('counts the slots that are lost to deaf handlers, and is down when all are', async () => {
  await using app = await start();
  const server = app.context.get(TaskServer);
  const indicator = app.context.get(AsynqHealthIndicator);
  const slots = vi.spyOn(server, 'slots', 'get');

  const results = [];
  for (const lost of [1, 2]) {
    slots.mockReturnValue({ total: 2, busy: 2, lost });
    results.push(await indicator.check('queue'));
  }

  expect(results).toEqual([
    { queue: { status: 'up', server: 'active', lostSlots: 1 } },
    { queue: expect.objectContaining({ status: 'down', lostSlots: 2 }) as unknown },
  ]);
});

it('refuses unknown options and an invalid timeout', async () => {
  await using app = await start();
  const options = { timeoutMs: 5, timeout: 0 } as AsynqHealthOptions;

  await expect(app.context.get(AsynqHealthIndicator).check('queue', options)).rejects.toThrow(/timeoutMs.*timeout/s);
});

it('names the missing connection', async () => {
  await using app = await start();

  await expect(app.context.get(AsynqHealthIndicator).check('queue', { connection: 'billing' })).rejects.toThrow(
    'billing',
  );
});

describe('the connection to check', () => {
  const named = (...names: string[]): Promise<TestingModule> =>
    Test.createTestingModule({
      imports: [
        TerminusModule,
        ...names.map((name) => AsynqModule.forRoot({ name, connection: { memory: randomUUID() } })),
      ],
      providers: [AsynqHealthIndicator],
    })
      .setLogger(new RecordingLog())
      .compile();

  it('is the only one of the app, whatever its name', async () => {
    const app = await named('billing');
    await app.init();

    const result = await app.get(AsynqHealthIndicator).check('queue');

    expect(result).toEqual({ queue: { status: 'up', server: 'off' } });
    await app.close();
  });

  it('must be named when there are several without a default', async () => {
    const app = await named('billing', 'mail');
    await app.init();
    const indicator = app.get(AsynqHealthIndicator);

    await expect(indicator.check('queue')).rejects.toThrow('one of billing, mail');
    expect(await indicator.isReady('queue', { connection: 'mail' })).toEqual({
      queue: { status: 'up', server: 'off' },
    });
    await app.close();
  });
});

describe('the limits of queues', () => {
  it('are kept by latency, by size and by the archived tasks of an hour', async () => {
    const time = new FakeClock();
    await using app = await start({ worker: false, clock: time });
    const indicator = app.context.get(AsynqHealthIndicator);
    const inspector = app.context.get(TaskInspector);
    for (let i = 0; i < 3; i++) await app.tasks.enqueue('mail:send');
    await app.tasks.enqueue('mail:send', undefined, { processIn: '1d' });
    await inspector.archiveAll('default', 'scheduled');
    await time.advance('10m');
    const check = async (limits: object): Promise<unknown> =>
      (await indicator.check('queue', { queues: { default: limits } })).queue;

    expect(await check({ latency: '11m', size: 3, archivedPerHour: 1 })).toEqual({ status: 'up', server: 'off' });
    expect(await check({ latency: '9m', size: 2, archivedPerHour: 0 })).toEqual({
      status: 'down',
      server: 'off',
      message:
        'queue "default": its oldest task has waited for 600000 ms, more than 540000; ' +
        'queue "default": it has 3 tasks, more than 2; ' +
        'queue "default": 1 tasks were archived in an hour, more than 0',
    });
    await time.advance('51m');
    expect(await check({ archivedPerHour: 0 })).toEqual({ status: 'up', server: 'off' });
    await inspector.pauseQueue('default');
    expect(await check({ latency: '1s' })).toEqual({ status: 'up', server: 'off' });
  });

  it('do not matter for a queue that nobody has used', async () => {
    await using app = await start({ worker: false });

    const result = await app.context.get(AsynqHealthIndicator).check('queue', { queues: { new: { size: 0 } } });

    expect(result.queue.status).toBe('up');
  });

  it('must be valid', async () => {
    await using app = await start();
    const queues = { default: { latency: 'soon', sice: 3, archivedPerHour: -1 } } as Record<string, object>;

    await expect(app.context.get(AsynqHealthIndicator).check('queue', { queues })).rejects.toThrow(
      /queues\.default\.sice.*queues\.default\.latency.*queues\.default\.archivedPerHour/s,
    );
  });
});

describe('readiness', () => {
  it('begins when the server has started, and ends when it stops, with tasks in hand', async () => {
    let end: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (end = resolve));
    class Tasks {
      @TaskHandler('mail:send')
      send(): Promise<void> {
        return held;
      }
    }
    await using app = await startApp({
      imports: [TerminusModule],
      providers: [Tasks, AsynqHealthIndicator],
      asynq: { autoStart: false },
    });
    const [indicator, server] = [app.context.get(AsynqHealthIndicator), app.context.get(TaskServer)];
    const status = async (): Promise<string> => (await indicator.isReady('queue')).queue.status;
    const started = new Promise((resolve) => app.events.of('started').subscribe(resolve));

    const states = [await status()];
    const starting = server.start();
    states.push(await status());
    await starting;
    states.push(await status());
    await app.tasks.enqueue('mail:send');
    await started;
    const draining = server.shutdown();
    states.push(await status());
    end();
    await draining;

    expect(states).toEqual(['up', 'down', 'up', 'down']);
  });

  it('is missing while Redis does not answer', async () => {
    const connection = openBroker('memory');
    await using app = await start({ connection });
    connection.ping = () => Promise.reject(new Error('connection lost'));

    const result = await app.context.get(AsynqHealthIndicator).isReady('queue');

    expect(result).toEqual({ queue: { status: 'down', server: 'active', message: 'connection lost' } });
  });
});

describe('liveness', () => {
  it('does not depend on Redis', async () => {
    const connection = openBroker('memory');
    await using app = await start({ connection });
    connection.ping = () => Promise.reject(new Error('connection lost'));

    expect(await app.context.get(AsynqHealthIndicator).isAlive('queue')).toEqual({
      queue: { status: 'up', server: 'active' },
    });
  });

  it('ends when the server stops to fetch tasks that wait', async () => {
    const clock = new FakeClock();
    const connection = openBroker({ memory: randomUUID() }, { clock });
    await using app = await start({ connection, clock });
    const indicator = app.context.get(AsynqHealthIndicator);
    const { fetch } = connection;
    let answer: (reply: FetchReply) => void = () => undefined;
    connection.fetch = () => new Promise((resolve) => (answer = resolve));
    await app.tasks.enqueue('mail:send');
    await clock.advance('50s');
    const before = await indicator.isAlive('queue');
    await clock.advance('15s');

    const after = await indicator.isAlive('queue');

    expect(before.queue.status).toBe('up');
    expect(after).toEqual({
      queue: {
        status: 'down',
        server: 'active',
        message: 'tasks wait in queue "default" for 65 s, and are not fetched',
      },
    });
    expect((await indicator.isAlive('queue', { stuckAfter: '2m' })).queue.status).toBe('up');
    connection.fetch = fetch; // the server waits for it when it stops
    answer({ tasks: [], isPaused: false, remaining: 0 });
  });

  it('refuses unknown options', async () => {
    await using app = await start();

    await expect(app.context.get(AsynqHealthIndicator).isAlive('queue', { stuck: 1 } as object)).rejects.toThrow(
      'stuck',
    );
  });
});
