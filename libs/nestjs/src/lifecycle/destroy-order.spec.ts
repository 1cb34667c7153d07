import { Global, Injectable, Module, type ModuleMetadata, type OnModuleDestroy } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { openBroker } from '@nestjs-asynq/core';
import { Test } from '@nestjs/testing';
import { expect, it } from 'vitest';
import { AsynqModule, TaskHandler, TaskServer } from '../index.js';
import { Moment, RecordingLog, wrapApp } from '../test-app.fixture.js';

let order: string[] = [];

@Injectable()
class Database implements OnModuleDestroy {
  onModuleInit(): void {
    order.push('database up');
  }

  onApplicationBootstrap(): void {
    order.push('database ready');
  }

  onModuleDestroy(): void {
    order.push('database destroyed');
  }
}
@Global()
@Module({ providers: [Database], exports: [Database] })
class DatabaseModule {}

let started = new Moment();
let mayEnd = new Moment();

@Injectable()
class ImportTasks {
  @TaskHandler('import')
  async run(): Promise<void> {
    order.push('task began');
    started.resolve();
    await mayEnd.promise;
    order.push('task ended');
  }
}

const asynq = () => AsynqModule.forRoot({ connection: openBroker('memory') });

/** An app of which the root module has the database itself, wherever the queue is imported. */
const PLACES: readonly [string, () => ModuleMetadata][] = [
  [
    'first',
    () => {
      @Module({ providers: [Database, ImportTasks] })
      class TasksModule {}
      return { imports: [asynq(), TasksModule] };
    },
  ],
  ['last, beside a provider of the root module', () => ({ imports: [asynq()], providers: [Database, ImportTasks] })],
  [
    'deep in an infrastructure module',
    () => {
      @Module({ imports: [asynq()] })
      class QueueModule {}
      @Module({ imports: [QueueModule] })
      class InfraModule {}
      @Module({ imports: [InfraModule], providers: [ImportTasks] })
      class TasksModule {}
      return { imports: [TasksModule], providers: [Database] };
    },
  ],
  [
    'in a global module, beside another one',
    () => {
      @Global()
      @Module({ imports: [asynq()] })
      class QueueModule {}
      return { imports: [DatabaseModule, QueueModule], providers: [ImportTasks] };
    },
  ],
  [
    'as a global module itself',
    () => ({ imports: [{ ...asynq(), global: true }, DatabaseModule], providers: [ImportTasks] }),
  ],
];

it.each(PLACES)(
  'tasks begin after all modules are up, and end before any is destroyed: imported %s',
  async (_, make) => {
    order = [];
    [started, mayEnd] = [new Moment(), new Moment()];
    const log = new RecordingLog();
    const module = await Test.createTestingModule(make()).setLogger(log).compile();
    const app = wrapApp(module);
    await app.tasks.enqueue('import');
    await module.init();
    await started.promise;

    const closed = module.close();
    await expect.poll(() => app.context.get(TaskServer).state).toBe('closed');
    mayEnd.resolve();
    await closed;

    expect(order).toEqual(['database up', 'database ready', 'task began', 'task ended', 'database destroyed']);
    expect(log.lines.filter((line) => line.startsWith('warn'))).toEqual([]);
  },
);

it('drains each of several connections first', async () => {
  order = [];
  [started, mayEnd] = [new Moment(), new Moment()];
  const other = AsynqModule.forRoot({ connection: openBroker('memory'), name: 'billing' });
  const log = new RecordingLog();
  const module = await Test.createTestingModule({ imports: [asynq(), other], providers: [Database, ImportTasks] })
    .setLogger(log)
    .compile();
  const app = wrapApp(await module.init());
  await app.tasks.enqueue('import');
  await started.promise;

  const closed = module.close();
  setImmediate(() => mayEnd.resolve());
  await closed;

  expect(order.slice(-2)).toEqual(['task ended', 'database destroyed']);
  expect(log.lines.filter((line) => line.startsWith('warn'))).toEqual([]);
});

it('warns, and names the provider, where another module was moved in the same way', async () => {
  @Module({ providers: [Database] })
  class EagerModule {
    constructor(modules: ModulesContainer) {
      const own = [...modules.values()].find(({ metatype }) => metatype === EagerModule)!;
      own.distance = -Infinity;
    }
  }
  const log = new RecordingLog();
  const module = await Test.createTestingModule({ imports: [asynq(), EagerModule], providers: [ImportTasks] })
    .setLogger(log)
    .compile();
  await module.init();

  await module.close();

  expect(log.lines.filter((line) => line.startsWith('warn')).join()).toContain(
    'Nest will call onModuleDestroy of Database before running tasks have ended',
  );
});
