import { Client, Inspector, openBroker, silentLogger } from '@nestjs-asynq/core';
import { FakeClock } from '@nestjs-asynq/core/testing';
import { expect, it } from 'vitest';
import { type AsynqModuleOptions, getTaskInspectorToken, TaskHandler, TaskInspector } from './index.js';
import { AsynqModule } from './asynq.module.js';
import { startApp } from './test-app.fixture.js';

class Tasks {
  readonly ran: unknown[] = [];

  @TaskHandler('a')
  run(payload: unknown): void {
    this.ran.push(payload);
  }
}

const queuesOf = (connection: AsynqModuleOptions['connection']): Promise<string[]> => {
  const inspector = new Inspector({ connection, logger: silentLogger });
  return inspector.queues().finally(() => inspector.close());
};

it('lets two apps of a process, and a client without Nest, share their queues', async () => {
  const clock = new FakeClock();
  await using worker = await startApp({ providers: [Tasks], asynq: { connection: 'memory', clock } });
  await using api = await startApp({ asynq: { connection: 'memory', clock, worker: false } });
  const client = new Client({ connection: 'memory', logger: silentLogger });

  await api.tasks.enqueue('a', 1);
  await client.enqueue('a', 2);
  await clock.advance('1s');

  expect(worker.context.get(Tasks).ran).toEqual([1, 2]);
  await client.close();
});

it('gives each connection of an app its own queues, and other names theirs', async () => {
  const billing = AsynqModule.forRoot({ name: 'billing', connection: 'memory', worker: false });
  await using app = await startApp({ imports: [billing], asynq: { connection: 'memory' } });

  await app.tasks.enqueue('a', 1);

  const seen = await app.context.get<TaskInspector>(getTaskInspectorToken('billing')).queues();
  expect([seen, await queuesOf({ memory: 'default' }), await queuesOf({ memory: 'billing' })]).toEqual([
    [],
    ['default'],
    [],
  ]);
});

it('isolates concurrent apps by a name or by a broker', async () => {
  await using one = await startApp({ asynq: { connection: { memory: 'one' }, worker: false } });
  await using two = await startApp({ asynq: { connection: { memory: 'two' }, worker: false } });
  await using three = await startApp({ asynq: { connection: openBroker('memory'), worker: false } });

  await one.tasks.enqueue('a', 1);

  const seen = await Promise.all([two, three].map(({ context }) => context.get(TaskInspector).queues()));
  expect([await one.context.get(TaskInspector).queues(), ...seen]).toEqual([['default'], [], []]);
});

it('drops the queues with the last app', async () => {
  const one = await startApp({ asynq: { connection: 'memory', worker: false } });
  await one.tasks.enqueue('a', 1);
  await one[Symbol.asyncDispose]();

  expect(await queuesOf('memory')).toEqual([]);
});
