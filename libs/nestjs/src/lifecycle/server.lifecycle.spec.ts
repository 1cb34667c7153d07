import {
  type BeforeApplicationShutdown,
  Injectable,
  Module,
  type OnApplicationShutdown,
  type OnModuleDestroy,
} from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { openBroker } from '@nestjs-asynq/core';
import { expect, it, vi } from 'vitest';
import { AsynqModule, type TaskContext, TaskDistributor, TaskHandler, TaskServer } from '../index.js';
import { Moment, RecordingLog, startApp, wrapApp } from '../test-app.fixture.js';

it('drains before the database of a feature module is destroyed, and enqueues until then', async () => {
  const broker = openBroker('memory');
  const order: string[] = [];
  const [started, mayEnd] = [new Moment(), new Moment()];
  @Injectable()
  class Database implements OnModuleDestroy {
    onModuleDestroy(): void {
      order.push('database destroyed');
    }
  }
  @Injectable()
  class ImportTasks {
    constructor(
      private readonly tasks: TaskDistributor,
      readonly database: Database,
    ) {}

    @TaskHandler('import')
    async run(): Promise<void> {
      started.resolve();
      await mayEnd.promise;
      await this.tasks.enqueue('report', undefined, { queue: 'reports' });
      order.push('handler ended');
    }
  }
  @Module({ providers: [Database], exports: [Database] })
  class DatabaseModule {}
  @Module({ imports: [DatabaseModule], providers: [ImportTasks] })
  class ImportModule {}
  @Module({ imports: [ImportModule, AsynqModule.forRoot({ connection: broker })] })
  class AppModule {}
  const module = await Test.createTestingModule({ imports: [AppModule] })
    .setLogger(new RecordingLog())
    .compile();
  const app = wrapApp(await module.init());
  await app.tasks.enqueue('import');
  await started.promise;

  const closed = module.close();
  await expect.poll(() => app.context.get(TaskServer).state).toBe('closed');
  mayEnd.resolve();
  await closed;

  expect(order).toEqual(['handler ended', 'database destroyed']);
  expect((await broker.queueStats('reports'))?.counts.pending).toBe(1);
  expect((await broker.queueStats('default'))?.counts).toMatchObject({ active: 0, pending: 0, retry: 0 });
});

it('aborts and requeues tasks that outlive the shutdown timeout', async () => {
  const broker = openBroker('memory');
  const started = new Moment();
  class Tasks {
    @TaskHandler('import')
    async run(_payload: unknown, { signal }: TaskContext): Promise<void> {
      started.resolve();
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
    }
  }
  const app = await startApp({ providers: [Tasks], asynq: { connection: broker, shutdownTimeout: 10 } });
  await app.tasks.enqueue('import');
  await started.promise;

  await app.context.close();

  expect((await broker.queueStats('default'))?.counts).toMatchObject({ active: 0, pending: 1 });
});

it('refuses to enqueue once the app is closed, and ends the event stream', async () => {
  let isOver = false;
  const app = await startApp({});
  app.events.subscribe({ complete: () => (isOver = true) });

  await app.context.close();

  expect(isOver).toBe(true);
  await expect(app.tasks.enqueue('mail:send')).rejects.toThrow('the client is closed');
});

it('leaves open a broker that was passed in', async () => {
  const broker = openBroker('memory');
  const close = vi.spyOn(broker, 'close');
  const app = await startApp({ asynq: { connection: broker } });

  await app.context.close();

  expect(close).not.toHaveBeenCalled();
});

it('can still be used in the shutdown hooks of other modules', async () => {
  const broker = openBroker('memory');
  @Injectable()
  class Farewell implements OnModuleDestroy, BeforeApplicationShutdown {
    constructor(private readonly tasks: TaskDistributor) {}

    async onModuleDestroy(): Promise<void> {
      await this.tasks.enqueue('farewell');
    }

    async beforeApplicationShutdown(): Promise<void> {
      await this.tasks.enqueue('farewell');
    }
  }
  const app = await startApp({ providers: [Farewell], asynq: { connection: broker } });

  await app.context.close();

  expect((await broker.queueStats('default'))?.counts.pending).toBe(2);
});

it('starts after onModuleInit and onApplicationBootstrap of the modules it is imported after', async () => {
  const order: string[] = [];
  class Tasks {
    @TaskHandler('first')
    run(): void {
      order.push('task');
    }

    onModuleInit(): void {
      order.push('init');
    }
  }
  @Module({ providers: [Tasks] })
  class FeatureModule {
    constructor(private readonly tasks: TaskDistributor) {}

    async onApplicationBootstrap(): Promise<void> {
      await this.tasks.enqueue('first', undefined, { taskId: 'one' });
      order.push('bootstrap');
    }
  }
  await using app = await startApp({ imports: [FeatureModule] });

  await new Promise((resolve) => {
    app.events.of('succeeded').subscribe(resolve);
    void app.tasks.enqueue('first');
  });

  expect(order.slice(0, 3)).toEqual(['init', 'bootstrap', 'task']);
});

it('continues the shutdown when that of the server fails', async () => {
  const order: string[] = [];
  class Other implements OnApplicationShutdown {
    onApplicationShutdown(): void {
      order.push('other');
    }
  }
  const log = new RecordingLog();
  const app = await startApp({ providers: [Other], log });
  app.context.get(TaskServer).shutdown = () => Promise.reject(new Error('stuck'));

  await app.context.close();

  expect(order).toEqual(['other']);
  expect(log.lines.join('\n')).toContain('the server did not shut down cleanly');
});
