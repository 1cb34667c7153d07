import { Injectable } from '@nestjs/common';
import { openBroker } from '@nestjs-asynq/core';
import { expect, it } from 'vitest';
import { AsynqModule, getTaskInspectorToken, InjectTaskInspector, TaskDistributor, TaskInspector } from '../index.js';
import { startApp } from '../test-app.fixture.js';

it('is injected by its class, and finds tasks of the distributor', async () => {
  @Injectable()
  class Support {
    constructor(
      readonly inspector: TaskInspector,
      private readonly tasks: TaskDistributor,
    ) {}

    async hurry(): Promise<void> {
      await this.tasks.enqueue('report', undefined, { taskId: 'r', processIn: '1h' });
      await this.inspector.runNext('default', 'r', { expectedState: 'scheduled' });
    }
  }
  await using app = await startApp({ providers: [Support] });

  await app.context.get(Support).hurry();

  expect(await app.context.get(TaskInspector).taskInfo('default', 'r')).toMatchObject({ state: 'pending' });
});

it('encodes payloads as the distributor does', async () => {
  const codec = { encode: (value: unknown) => Buffer.from(`<${String(value)}>`), decode: () => undefined };
  await using app = await startApp({ asynq: { codec } });
  const inspector = app.context.get(TaskInspector);
  await app.tasks.enqueue('report', 1, { taskId: 'r', processIn: '1h' });

  await inspector.updateTaskPayload('default', 'r', 2);

  expect(Buffer.from((await inspector.taskInfo('default', 'r')).payload).toString()).toBe('<2>');
});

it('knows its own connection only', async () => {
  @Injectable()
  class Billing {
    constructor(@InjectTaskInspector('billing') readonly inspector: TaskInspector) {}
  }
  const other = AsynqModule.forRoot({ connection: openBroker('memory'), name: 'billing', worker: false });
  await using app = await startApp({ imports: [other], providers: [Billing] });
  await app.tasks.enqueue('report', undefined, { queue: 'low' });

  const { inspector } = app.context.get(Billing);

  expect(await inspector.queues()).toEqual([]);
  expect(await app.context.get(TaskInspector).queues()).toEqual(['low']);
  expect(app.context.get(getTaskInspectorToken('billing'))).toBe(inspector);
});
