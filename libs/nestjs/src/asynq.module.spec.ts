import { Injectable, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { openBroker } from '@nestjs-asynq/core';
import type { Broker } from '@nestjs-asynq/core/internal';
import { FakeClock } from '@nestjs-asynq/core/testing';
import { describe, expect, it, vi } from 'vitest';
import {
  AsynqModule,
  type AsynqModuleOptions,
  ConnectionUnavailableError,
  getTaskDistributorToken,
  InjectTaskDistributor,
  InjectTaskEvents,
  InjectTaskServer,
  InvalidOptionsError,
  RedisCommandError,
  TaskDistributor,
  TaskEvents,
  TaskHandler,
  TaskInspector,
  TaskServer,
} from './index.js';
import { RecordingLog, startApp, wrapApp } from './test-app.fixture.js';

const ran = vi.fn<(...args: unknown[]) => void>();

@Injectable()
class MailTasks {
  @TaskHandler('mail:send')
  send(payload: unknown): void {
    ran(payload);
  }
}

const memory: AsynqModuleOptions = { connection: 'memory', concurrency: 2 };

async function initialise(root: Type, log = new RecordingLog()): Promise<ReturnType<typeof wrapApp>> {
  const module = await Test.createTestingModule({ imports: [root] })
    .setLogger(log)
    .compile();
  return wrapApp(await module.init());
}

describe('configuration', () => {
  it('spreads a partitioned queue, whose number server and distributor share', async () => {
    const queues = { default: 1, mails: { weight: 3, partitions: 4 } };
    await using app = await startApp({ providers: [MailTasks], asynq: { queues, partitions: { elsewhere: 2 } } });
    const { tasks } = app;

    const first = await tasks.enqueue('mail:send', { n: 1 }, { queue: 'mails', partitionKey: 'a', processIn: '1h' });
    const second = await tasks.enqueue('mail:send', { n: 2 }, { queue: 'mails', partitionKey: 'a', processIn: '1h' });
    const other = await tasks.enqueue('mail:send', { n: 3 }, { queue: 'elsewhere' });

    expect(first).toMatchObject({ queue: 'mails', partition: expect.stringMatching(/^mails:p[0-3]-[a-z]{2}$/) });
    expect(second.partition).toBe(first.partition);
    expect(other.partition).toMatch(/^elsewhere:p[01]-[a-z]{2}$/);
    expect((await app.context.get(TaskInspector).queueInfo('mails')).partitions).toHaveLength(5);
  });

  it.each<[object, string]>([
    [{ queues: { mails: { partitions: 0 } } }, 'queues.mails.partitions'],
    [{ partitions: { mails: 10_000 } }, 'partitions.mails'],
    [{ queues: { mails: { partitions: 4 } }, partitions: { mails: 5 } }, 'partitions.mails'],
  ])('refuses numbers of partitions that cannot be, or differ: %j', async (options, name) => {
    const refused = startApp({ providers: [MailTasks], asynq: options });

    await expect(refused).rejects.toThrow(InvalidOptionsError);
    await expect(refused).rejects.toThrow(name);
  });

  it('handles what it enqueues', async () => {
    await using app = await startApp({ providers: [MailTasks] });

    const end = await app.run('mail:send', { to: 'ann' });

    expect(end).toMatchObject({ kind: 'succeeded', type: 'mail:send', queue: 'default' });
    expect(ran).toHaveBeenLastCalledWith({ to: 'ann' });
  });

  it('reads options from a factory', async () => {
    @Module({ providers: [{ provide: 'QUEUE', useValue: 'mails' }], exports: ['QUEUE'] })
    class ConfigModule {}
    @Module({
      providers: [MailTasks],
      imports: [
        AsynqModule.forRootAsync({
          imports: [ConfigModule],
          inject: ['QUEUE'],
          useFactory: (queue: string) => ({ ...memory, queues: { [queue]: 1 }, defaults: { queue } }),
        }),
      ],
    })
    class AppModule {}
    await using app = await initialise(AppModule);

    expect(await app.run('mail:send')).toMatchObject({ kind: 'succeeded', queue: 'mails' });
  });

  it('reads options from a class', async () => {
    class Options {
      createAsynqOptions = (): AsynqModuleOptions => memory;
    }
    @Module({ providers: [MailTasks], imports: [AsynqModule.forRootAsync({ useClass: Options })] })
    class AppModule {}
    await using app = await initialise(AppModule);

    expect(await app.run('mail:send')).toMatchObject({ kind: 'succeeded' });
  });

  it('follows a fake clock', async () => {
    const clock = new FakeClock();
    await using app = await startApp({ providers: [MailTasks], asynq: { clock } });
    ran.mockClear();
    await app.tasks.enqueue('mail:send', 'reminder', { processIn: '10m' });

    await clock.advance('9m');
    const before = ran.mock.calls.length;
    await clock.advance('2m');

    expect(before).toBe(0);
    expect(ran.mock.calls).toEqual([['reminder']]);
  });

  it.each([
    [{ concurency: 3 }, 'option "concurency" is 3; allowed: no option of this name; did you mean "concurrency"?'],
    [{ worker: 'yes' }, 'option "worker" is "yes"; allowed: true or false'],
    [{ enhancers: { guard: true } }, 'option "enhancers.guard" is true'],
    [{ connect: { timeout: 'soon' } }, 'option "connect.timeout" is "soon"'],
    [{ connect: { timeout: '30d' } }, 'option "connect.timeout" is "30d"'],
    [{ validation: 'strict' }, 'option "validation" is "strict"; allowed: options of a ValidationPipe, or false'],
    [{ connection: undefined }, 'option "connection" is undefined'],
    [{ scheduler: { zone: 'CEST' } }, 'option "scheduler.zone" is "CEST"; allowed: an IANA time zone'],
    [{ queues: { low: 0 } }, 'option "queues.low" is 0'],
    [{ defaults: { maxRetry: -1 } }, 'option "defaults.maxRetry" is -1'],
    [{ groupAggregator: true }, 'option "groupAggregator" is true; allowed: limits of groups, such as {'],
    [{ groupAggregator: null }, 'option "groupAggregator" is null; allowed: limits of groups, such as {'],
    [{ groupAggregator: '30s' }, 'option "groupAggregator" is "30s"; allowed: limits of groups, such as {'],
    [{ groupAggregator: new Map() }, 'option "groupAggregator" is a Map; allowed: limits of groups, such as {'],
  ])('refuses %j at boot', async (wrong, message) => {
    const failure = await startApp({ asynq: wrong as Partial<AsynqModuleOptions> }).catch((error: unknown) => error);

    expect(failure).toBeInstanceOf(InvalidOptionsError);
    expect((failure as Error).message).toContain(message);
  });

  it('refuses a name returned by the factory, because that is too late', async () => {
    @Module({ imports: [AsynqModule.forRootAsync({ useFactory: () => ({ ...memory, name: 'billing' }) })] })
    class AppModule {}

    await expect(initialise(AppModule)).rejects.toThrow('option "name" is "billing"; allowed: next to useFactory');
  });
});

describe('several connections', () => {
  @Injectable()
  class BillingTasks {
    @TaskHandler('invoice:send', { connection: 'billing' })
    send(): void {
      ran('invoice');
    }
  }

  it('keeps their tasks, handlers and events apart', async () => {
    @Injectable()
    class Billing {
      constructor(
        @InjectTaskDistributor('billing') readonly tasks: TaskDistributor,
        @InjectTaskEvents('billing') readonly events: TaskEvents,
        @InjectTaskServer('billing') readonly server: TaskServer,
        readonly others: TaskDistributor,
      ) {}
    }
    @Module({
      providers: [MailTasks, BillingTasks, Billing],
      imports: [AsynqModule.forRoot(memory), AsynqModule.forRoot({ ...memory, name: 'billing' })],
    })
    class AppModule {}
    await using app = await initialise(AppModule);
    const billing = app.context.get(Billing);
    const kinds: string[] = [];
    billing.events.subscribe(({ kind, type }) => kinds.push(`${kind} ${type}`));

    await app.run('mail:send');
    await billing.tasks.enqueue('invoice:send');

    await expect.poll(() => kinds).toEqual(['enqueued invoice:send', 'started invoice:send', 'succeeded invoice:send']);
    expect(billing.others).toBe(app.tasks);
    expect(billing.server.state).toBe('active');
  });

  it('runs the handler of the connection of a task', async () => {
    @Injectable()
    class Tasks {
      @TaskHandler('mail:send')
      mail(): void {
        ran('default');
      }

      @TaskHandler('mail:send', { connection: 'billing' })
      billing(): void {
        ran('billing');
      }
    }
    @Module({
      providers: [Tasks],
      imports: [AsynqModule.forRoot(memory), AsynqModule.forRoot({ ...memory, name: 'billing' })],
    })
    class AppModule {}
    await using app = await initialise(AppModule);
    ran.mockClear();

    await app.run('mail:send');
    await app.context.get<TaskDistributor>(getTaskDistributorToken('billing')).enqueue('mail:send');

    await expect.poll(() => ran.mock.calls).toEqual([['default'], ['billing']]);
  });

  it('works without a default connection', async () => {
    @Module({ providers: [BillingTasks], imports: [AsynqModule.forRoot({ ...memory, name: 'billing' })] })
    class AppModule {}
    const module = await Test.createTestingModule({ imports: [AppModule] })
      .setLogger(new RecordingLog())
      .compile();

    await module.init();

    expect(() => module.get(TaskDistributor)).toThrow();
    await module.close();
  });

  it('refuses the same name twice', async () => {
    @Module({ imports: [AsynqModule.forRoot(memory)] })
    class FeatureModule {}
    @Module({ imports: [FeatureModule, AsynqModule.forRoot(memory)] })
    class AppModule {}

    await expect(initialise(AppModule)).rejects.toThrow(
      'AsynqModule.forRoot() was called twice for connection "default" (Nest compares dynamic modules by reference). ' +
        'Import the module once, or pass a distinct name.',
    );
  });

  it('treats one dynamic module that is imported twice as one', async () => {
    const shared = AsynqModule.forRoot(memory);
    @Module({ imports: [shared], providers: [MailTasks] })
    class FeatureModule {}
    @Module({ imports: [FeatureModule, shared] })
    class AppModule {}
    await using app = await initialise(AppModule);

    expect(await app.run('mail:send')).toMatchObject({ kind: 'succeeded' });
  });

  it('keeps two apps of one process apart', async () => {
    await using first = await startApp({ providers: [MailTasks] });
    await using second = await startApp({ providers: [MailTasks] });

    expect(await first.run('mail:send')).toMatchObject({ kind: 'succeeded' });
    expect(await second.run('mail:send')).toMatchObject({ kind: 'succeeded' });
    expect(first.tasks).not.toBe(second.tasks);
  });
});

describe('Redis unavailable at boot', () => {
  /** A broker that answers pings from the given attempt on. */
  function answeringAt(firstAnswer: number): Broker {
    const broker = openBroker('memory');
    let pings = 0;
    return Object.assign(broker, {
      ping: () => (++pings < firstAnswer ? Promise.reject(new Error('connection refused')) : Promise.resolve()),
    });
  }

  it('fails the boot with the address and the fix', async () => {
    const asynq: Partial<AsynqModuleOptions> = { connection: answeringAt(Infinity), connect: { timeout: 20 } };

    const failure = await startApp({ asynq }).catch((error: unknown) => error);

    expect(failure).toBeInstanceOf(ConnectionUnavailableError);
    expect((failure as Error).message).toContain('after 20 ms (connection refused). Set connect.required=false');
  });

  it.each([2_500.5, '1.5s', '20d'] as const)('takes %j as the time to try', async (timeout) => {
    await using app = await startApp({ asynq: { connection: answeringAt(2), connect: { timeout }, worker: false } });

    expect(app.context.get(TaskServer).state).toBe('off');
  });

  it('says why, also when the last try did not get as far', async () => {
    const closed = (cause?: Error) =>
      new RedisCommandError('PING', true, { cause: new Error('Connection is closed.', { cause }) });
    const failures = [closed(Object.assign(new Error(), { code: 'ECONNREFUSED' })), closed()];
    let pings = 0;
    const broker = Object.assign(openBroker('memory'), { ping: () => Promise.reject(failures[Math.min(pings++, 1)]!) });

    const failure = await startApp({ asynq: { connection: broker, connect: { timeout: 500 } } }).catch(
      (error: unknown) => error,
    );

    expect(pings).toBeGreaterThan(1);
    expect((failure as Error).message).toContain('after 500 ms (ECONNREFUSED)');
  });

  it('reports the reason even if the client learns it just after the timeout', async () => {
    const refused = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
    const ping = () => new Promise<void>((_, reject) => setTimeout(reject, 60, refused));
    const broker = Object.assign(openBroker('memory'), { ping });

    const failure = await startApp({ asynq: { connection: broker, connect: { timeout: 20 } } }).catch(
      (error: unknown) => error,
    );

    expect((failure as Error).message).toContain('after 20 ms (ECONNREFUSED)');
  });

  it('waits for a Redis that starts later', async () => {
    await using app = await startApp({ providers: [MailTasks], asynq: { connection: answeringAt(2) } });

    expect(await app.run('mail:send')).toMatchObject({ kind: 'succeeded' });
  });

  it('gives up on a ping that never answers', async () => {
    const silent = Object.assign(openBroker('memory'), { ping: () => new Promise<void>(() => undefined) });

    const failure = startApp({ asynq: { connection: silent, connect: { timeout: 20 } } });

    await expect(failure).rejects.toThrow('after 20 ms (no answer)');
  });

  it('starts without Redis when it is not required', async () => {
    const log = new RecordingLog();
    const asynq: Partial<AsynqModuleOptions> = {
      connection: answeringAt(Infinity),
      connect: { required: false, timeout: 20 },
    };
    await using app = await startApp({ providers: [MailTasks], asynq, log });

    expect(await app.run('mail:send')).toMatchObject({ kind: 'succeeded' });
    expect(log.lines.join('\n')).toContain('starting without Redis');
  });
});

describe('kinds of applications', () => {
  @Module({ providers: [MailTasks], imports: [AsynqModule.forRoot(memory)] })
  class AppModule {}

  it.each([
    ['Express', () => NestFactory.create(AppModule, new ExpressAdapter(), { logger: false })],
    ['Fastify', () => NestFactory.create(AppModule, new FastifyAdapter(), { logger: false })],
  ])('works under %s', async (_name, create) => {
    const http = await create();
    await http.init();
    await using app = wrapApp(http);

    expect(await app.run('mail:send')).toMatchObject({ kind: 'succeeded' });
  });

  it('works in a standalone context', async () => {
    await using app = wrapApp(await NestFactory.createApplicationContext(AppModule, { logger: false }));

    expect(await app.run('mail:send')).toMatchObject({ kind: 'succeeded' });
  });
});
