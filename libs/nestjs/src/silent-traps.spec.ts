import { type INestApplicationContext, Injectable, Module, type Type } from '@nestjs/common';
import { LazyModuleLoader, NestFactory } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { InvalidOptionsError, openBroker, Server } from '@nestjs-asynq/core';
import { FakeClock } from '@nestjs-asynq/core/testing';
import { Redis } from 'ioredis';
import { describe, expect, it, vi } from 'vitest';
import {
  AsynqModule,
  type AsynqModuleOptions,
  HandlerSetupError,
  OnTaskEvent,
  PeriodicTask,
  TaskAggregator,
  TaskDistributor,
  TaskHandler,
  TaskScheduler,
  TaskServer,
} from './index.js';
import { RecordingLog, startApp, wrapApp } from './test-app.fixture.js';

@Injectable()
class MailTasks {
  @TaskHandler('mail:send')
  send(): void {}
}

const warnings = ({ lines }: RecordingLog): string[] => lines.filter((line) => line.startsWith('warn'));

/** A Redis that does not answer: enough to see whether a server starts. */
const AWAY: AsynqModuleOptions = {
  connection: { url: 'redis://127.0.0.1:1' },
  connect: { required: false, timeout: 1 },
  shutdownTimeout: 1,
};

describe('a queue that nobody serves', () => {
  const forQueues = (options: Partial<AsynqModuleOptions>, log = new RecordingLog()) =>
    startApp({ providers: [MailTasks], asynq: { queues: { default: 1, low: 1 }, ...options }, log });
  /** The lookup of servers has ended. */
  const looked = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 5));

  it('is warned of, once per name', async () => {
    const log = new RecordingLog();
    await using app = await forQueues({}, log);

    for (const queue of ['low', 'mails', 'mails', 'male']) await app.tasks.enqueue('mail:send', 1, { queue });
    await app.tasks.enqueueMany(['mails', 'mailz'].map((queue) => ({ type: 'mail:send', options: { queue } })));
    await looked();

    const found = warnings(log).map((line) => /queue "(\w+)" was enqueued/.exec(line)?.[1]);
    expect(new Set(found)).toEqual(new Set(['mails', 'mailz', 'male']));
    expect(found).toHaveLength(3);
    expect(warnings(log)[0]).toContain('none of this app\'s "queues" ("default", "low")');
  });

  it('is none while another process serves it, or its partitions', async () => {
    const connection = openBroker('memory');
    const queues = { mails: 1, images: { partitions: 2 } };
    await using other = await startApp({ providers: [MailTasks], asynq: { connection, queues } });
    const log = new RecordingLog();
    await using app = await forQueues({ connection }, log);

    await app.tasks.enqueue('mail:send', 1, { queue: 'mails' });
    await app.tasks.enqueue('mail:send', 1, { queue: 'images' });
    await looked();

    expect(other.context.get(TaskServer).state).toBe('active');
    expect(warnings(log)).toEqual([]);
  });

  it("is the module's default, too, and that of a periodic task", async () => {
    class Reports {
      @PeriodicTask('@daily', { type: 'report:build', queue: 'reportz' })
      build(): void {}
    }
    const log = new RecordingLog();
    const asynq = { queues: { low: 1 }, defaults: { queue: 'lowe' } };
    await using app = await startApp({ providers: [Reports], asynq, log });

    await app.tasks.enqueue('mail:send');
    await looked();

    expect(warnings(log).join()).toMatch(/"reportz"[^]*"lowe"/);
  });

  it("refuses the task with 'error', and says nothing with 'allow'", async () => {
    const log = new RecordingLog();
    await using strict = await forQueues({ unknownQueues: 'error' });
    await using lax = await forQueues({ unknownQueues: 'allow' }, log);

    const refused = strict.tasks.enqueue('mail:send', 1, { queue: 'mails' });
    await expect(refused).rejects.toThrow(InvalidOptionsError);
    await expect(refused).rejects.toThrow('option "queue" is "mails"; allowed: one of "queues": "default", "low"');
    const many = await strict.tasks.enqueueMany(
      ['mails', 'low'].map((queue) => ({ type: 'mail:send', options: { queue } })),
    );
    await lax.tasks.enqueue('mail:send', 1, { queue: 'mails' });
    await looked();

    expect(many.map(({ error }) => error?.name)).toEqual(['InvalidOptionsError', undefined]);
    expect(warnings(log)).toEqual([]);
  });

  it("cannot be an error without the names of the app's queues", async () => {
    const started = startApp({ asynq: { unknownQueues: 'error' } });

    await expect(started).rejects.toThrow(
      'option "unknownQueues" is "error"; allowed: "warn" or "allow" without "queues"',
    );
  });
});

describe('a payload that JSON empties', () => {
  it.each([
    ['a Map', new Map([['a', 1]]), 'the payload is a Map or a Set'],
    ['a Set', new Set([1]), 'the payload is a Map or a Set'],
    ['a property', { to: 'ada', tags: new Set(['a']) }, 'the property "tags" of the payload is a Map or a Set'],
  ])('is warned of, once per type: %s', async (_, payload, text) => {
    const log = new RecordingLog();
    await using app = await startApp({ log, asynq: { worker: false } });

    await app.tasks.enqueue('mail:send', payload);
    await app.tasks.enqueueMany([{ type: 'mail:send', payload }]);

    expect(warnings(log)).toHaveLength(1);
    expect(warnings(log)[0]).toContain(`task type "mail:send": ${text}, which JSON writes as {}`);
  });

  it('is none of what has a form of its own, or a codec for it', async () => {
    const log = new RecordingLog();
    await using app = await startApp({ log, asynq: { worker: false } });
    const codec = { encode: () => new Uint8Array(), decode: () => new Map() };
    await using other = await startApp({ log, asynq: { worker: false, codec } });

    for (const payload of [null, [], {}, new Date(), { list: [1] }, { toJSON: () => 1, tags: new Set() }]) {
      await app.tasks.enqueue('mail:send', payload);
    }
    await other.tasks.enqueue('mail:send', new Map());

    expect(warnings(log)).toEqual([]);
  });
});

describe('an application context', () => {
  async function start(options: AsynqModuleOptions, kind: 'context' | 'http' | 'test' = 'context') {
    @Module({ imports: [AsynqModule.forRoot(options)], providers: [MailTasks] })
    class AppModule {}
    const log = new RecordingLog();
    let app: INestApplicationContext;
    if (kind === 'context') app = await NestFactory.createApplicationContext(AppModule, { logger: log });
    else if (kind === 'http') app = await (await NestFactory.create(AppModule, { logger: log })).init();
    else
      app = await (
        await Test.createTestingModule({ imports: [AppModule] })
          .setLogger(log)
          .compile()
      ).init();
    const { state } = app.get(TaskServer);
    await app.close();
    return {
      state,
      said: warnings(log)
        .filter((line) => line.includes('application context'))
        .join(),
    };
  }

  it.each([
    ['an address', AWAY.connection],
    // It has a method `memory`, for the command.
    ['a client of ioredis', new Redis({ lazyConnect: true, retryStrategy: () => null, port: 1 }).on('error', () => {})],
  ])('takes no tasks by surprise with %s, and says what to do', async (_, connection) => {
    using started = vi.spyOn(Server.prototype, 'start').mockResolvedValue();

    const { state, said } = await start({ ...AWAY, connection });

    expect(started).not.toHaveBeenCalled();
    expect(state).toBe('new');
    expect(said).toContain('set "worker" to true if this process works, to false if it only enqueues');
  });

  it.each([
    ['worker: true', { ...AWAY, worker: true }, 'context'],
    ['autoStart: true', { ...AWAY, autoStart: true }, 'context'],
    ['queues in memory', { connection: 'memory' }, 'context'],
    ['a broker in memory', { connection: openBroker('memory') }, 'context'],
    ['an app of NestFactory.create', AWAY, 'http'],
    ['a testing module', AWAY, 'test'],
  ] as const)('works with %s', async (_, options, kind) => {
    using started = vi.spyOn(Server.prototype, 'start').mockResolvedValue();

    const { said } = await start(options, kind);

    expect(started).toHaveBeenCalledOnce();
    expect(said).toBe('');
  });

  it('only enqueues, without a word, with worker: false', async () => {
    expect(await start({ ...AWAY, worker: false })).toEqual({ state: 'off', said: '' });
  });
});

describe('handlers that are missing', () => {
  it.each([{ worker: true }, { concurrency: 5 }, { retryDelay: () => 1 }])('are warned of with %j', async (options) => {
    const log = new RecordingLog();
    await using app = await startApp({ asynq: { concurrency: undefined, ...options }, log });

    expect(app.context.get(TaskServer).state).toBe('off');

    expect(warnings(log).join()).toContain('no provider has a @TaskHandler, so this process takes no tasks');
  });

  it.each([{ worker: false, concurrency: 5 }, { concurrency: undefined }])(
    'are not missed with %j',
    async (options) => {
      const log = new RecordingLog();
      await using app = await startApp({ asynq: options, log });

      expect(app.context.get(TaskServer).state).toBe('off');

      expect(warnings(log)).toEqual([]);
    },
  );

  async function boot(module: Type, log: RecordingLog): Promise<void> {
    await (await NestFactory.createApplicationContext(module, { logger: log })).close();
  }

  it('because their class is in no module are named, once in a process', async () => {
    class Forgotten {
      @TaskHandler('forgotten')
      run(): void {}
    }
    abstract class Base {
      @TaskHandler('inherited')
      run(): void {}
    }
    @Injectable()
    class Provided extends Base {}
    @Module({ imports: [AsynqModule.forRoot({ connection: 'memory' })], providers: [Provided] })
    class AppModule {}
    @Module({ imports: [AsynqModule.forRoot({ connection: 'memory', worker: false })] })
    class ClientModule {}
    const logs = [new RecordingLog(), new RecordingLog(), new RecordingLog()] as const;

    await boot(ClientModule, logs[0]);
    await boot(AppModule, logs[1]);
    await boot(AppModule, logs[2]);

    const named = logs.map((log) => warnings(log).filter((line) => /Forgotten|Base|Provided/.test(line)));
    expect(named.map(({ length }) => length)).toEqual([0, 1, 0]);
    expect(named[1]![0]).toContain('Forgotten has @TaskHandler methods and is in the "providers" of no module');
    expect(new Forgotten()).toBeDefined();
  });
});

describe('a lazily loaded module', () => {
  const seen: string[] = [];
  @Injectable()
  class LazyTasks {
    @TaskHandler('lazy:run', { concurrency: 1 })
    run(): void {
      seen.push('ran');
    }

    @OnTaskEvent('succeeded', { type: 'lazy:' })
    hear(): void {
      seen.push('heard');
    }
  }
  @Module({ providers: [LazyTasks] })
  class LazyModule {}
  @PeriodicTask('@daily', 'mail:send')
  class Nightly {}

  it.each([
    ['starts the server with its handlers', []],
    ['adds its handlers to those that run', [MailTasks]],
  ])('%s, and binds its event methods', async (_, providers) => {
    seen.splice(0);
    await using app = await startApp({ providers });
    const before = app.context.get(TaskServer).state;

    const loader = app.context.get(LazyModuleLoader);
    await loader.load(() => LazyModule);
    await loader.load(() => LazyModule);
    const { kind } = await app.run('lazy:run');

    expect([before, kind]).toEqual([providers.length > 0 ? 'active' : 'off', 'succeeded']);
    expect(seen).toEqual(['ran', 'heard']);
  });

  it.each([
    ['starts the scheduler with its periodic tasks', []],
    ['adds its periodic tasks to those that are planned', [Nightly]],
  ])('%s', async (_, providers) => {
    const clock = new FakeClock(0);
    await using app = await startApp({ providers: [...providers, MailTasks], asynq: { clock } });
    const fired: string[] = [];
    app.events.subscribe((event) => event.kind === 'enqueued' && fired.push(event.type));
    @Injectable()
    class Beats {
      @PeriodicTask('@every 1h', { type: 'lazy:beat' })
      beat(): void {}
    }
    @Module({ providers: [Beats] })
    class BeatModule {}

    const loader = app.context.get(LazyModuleLoader);
    await loader.load(() => BeatModule);
    await loader.load(() => BeatModule);
    await clock.advance('90m');

    expect(fired).toEqual(['lazy:beat']);
    expect(app.context.get(TaskScheduler).entries()).toHaveLength(providers.length + 1);
  });

  it('fires nothing where no periodic tasks are fired', async () => {
    await using app = await startApp({ asynq: { scheduler: false } });
    @Module({ providers: [Nightly] })
    class NightlyModule {}

    await app.context.get(LazyModuleLoader).load(() => NightlyModule);

    expect(app.context.get(TaskScheduler).state).toBe('new');
  });

  describe('with an aggregator', () => {
    @Injectable()
    class Digests {
      @TaskAggregator('digest')
      collect(_group: string, tasks: readonly unknown[]) {
        return { type: 'digest:send', payload: tasks.length };
      }
    }
    @Module({ providers: [Digests] })
    class DigestModule {}
    @Injectable()
    class DigestTasks {
      @TaskHandler('digest:send')
      send(payload: number): void {
        seen.push(`digest of ${payload}`);
      }
    }

    it('combines groups when it brings the first handlers', async () => {
      seen.splice(0);
      const clock = new FakeClock();
      await using app = await startApp({ asynq: { clock } });
      @Module({ imports: [DigestModule], providers: [DigestTasks] })
      class FirstModule {}

      await app.context.get(LazyModuleLoader).load(() => FirstModule);
      await app.tasks.enqueue('news', 1, { group: 'digest' });
      await clock.advance('5m');

      expect(seen).toEqual(['digest of 1']);
    });

    it('is refused when the server runs already', async () => {
      await using app = await startApp({ providers: [DigestTasks] });

      const loaded = app.context.get(LazyModuleLoader).load(() => DigestModule);

      await expect(loaded).rejects.toThrow(HandlerSetupError);
      await expect(loaded).rejects.toThrow(
        'Digests.collect aggregates groups, and its module (DigestModule) was loaded when the server had started',
      );
    });
  });

  it('starts nothing where tasks are only enqueued', async () => {
    await using app = await startApp({ asynq: { worker: false } });

    await app.context.get(LazyModuleLoader).load(() => LazyModule);

    expect(app.context.get(TaskServer).state).toBe('off');
  });

  it('is refused when it handles the type of another handler', async () => {
    @Injectable()
    class Twin {
      @TaskHandler('mail:send')
      send(): void {}
    }
    @Module({ providers: [Twin] })
    class TwinModule {}
    await using app = wrapApp((await startApp({ providers: [MailTasks] })).context);

    const loaded = app.context.get(LazyModuleLoader).load(() => TwinModule);

    await expect(loaded).rejects.toThrow(HandlerSetupError);
    await expect(loaded).rejects.toThrow('duplicate handler for task type "mail:send"');
    expect(await app.run('mail:send')).toMatchObject({ kind: 'succeeded' });
  });

  it('may enqueue by a distributor of the app', async () => {
    await using app = await startApp({ providers: [MailTasks] });
    @Module({})
    class ClientModule {
      constructor(readonly tasks: TaskDistributor) {}
    }

    const { get } = await app.context.get(LazyModuleLoader).load(() => ClientModule);

    expect(get).toBeDefined();
  });
});
