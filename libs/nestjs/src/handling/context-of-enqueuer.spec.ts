import { AsyncLocalStorage } from 'node:async_hooks';
import { Injectable } from '@nestjs/common';
import { ClsModule, ClsService, ClsServiceManager } from 'nestjs-cls';
import { describe, expect, it } from 'vitest';
import { carryFields, Payload, TaskDistributor, TaskHandler } from '../index.js';
import { startApp } from '../test-app.fixture.js';

const requests = new AsyncLocalStorage<{ tenantId?: string; requestId?: string }>();

@Injectable()
class TenantTasks {
  readonly seen: unknown[] = [];

  constructor(private readonly tasks: TaskDistributor) {}

  @TaskHandler('first')
  async first(): Promise<void> {
    this.seen.push(requests.getStore());
    await this.tasks.enqueue('second');
  }

  @TaskHandler('second')
  second(): void {
    this.seen.push(requests.getStore());
  }
}

describe('the option carry', () => {
  it('takes fields of a request to its task, and on to the tasks that this enqueues', async () => {
    const carry = carryFields(requests, ['tenantId', 'requestId']);
    await using app = await startApp({ providers: [TenantTasks], asynq: { carry } });
    const done = new Promise<void>((resolve) =>
      app.events.of('succeeded').subscribe(({ type }) => type === 'second' && resolve()),
    );

    await requests.run({ tenantId: 't1', requestId: 'r1' }, () => app.tasks.enqueue('first'));
    await done;

    const fields = { tenantId: 't1', requestId: 'r1' };
    expect(app.context.get(TenantTasks).seen).toEqual([fields, fields]);
  });

  it('works with the ClsService of nestjs-cls', async () => {
    @Injectable()
    class ClsTasks {
      readonly seen: unknown[] = [];

      constructor(private readonly cls: ClsService) {}

      @TaskHandler('report')
      run(@Payload() name: string): void {
        this.seen.push([name, this.cls.get('tenantId'), this.cls.get('password')]);
      }
    }
    await using app = await startApp({
      imports: [ClsModule.forRoot({ global: true })],
      providers: [ClsTasks],
      asynq: { carry: carryFields(ClsServiceManager.getClsService(), ['tenantId']) },
    });
    const cls = app.context.get(ClsService);

    await cls.run(async () => {
      cls.set('tenantId', 't1');
      cls.set('password', 'hush');
      await app.run('report', 'of a request');
    });
    await app.run('report', 'of none');

    expect(app.context.get(ClsTasks).seen).toEqual([
      ['of a request', 't1', undefined],
      ['of none', undefined, undefined],
    ]);
  });

  it('is checked with the other options', async () => {
    await expect(startApp({ asynq: { carry: ['tenantId'] as never } })).rejects.toThrow('option "carry"');
  });
});
