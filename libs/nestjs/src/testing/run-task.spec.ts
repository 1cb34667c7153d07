import {
  type CallHandler,
  type CanActivate,
  type ExecutionContext,
  Inject,
  Injectable,
  type NestInterceptor,
  Scope,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import { IsEmail } from 'class-validator';
import { map, type Observable } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Payload, SkipRetry, type TaskContext, TaskHandler, TaskInspector } from '../index.js';
import { startApp, type TestApp } from '../test-app.fixture.js';
import { runTask } from './index.js';

class Mail {
  @IsEmail()
  to!: string;
}

class Upper implements NestInterceptor {
  intercept(_: ExecutionContext, next: CallHandler<string>): Observable<string> {
    return next.handle().pipe(map((text) => text.toUpperCase()));
  }
}

class Closed implements CanActivate {
  canActivate(): boolean {
    throw new SkipRetry('closed');
  }
}

@Injectable()
class Mails {
  @TaskHandler('mail')
  @UseInterceptors(Upper)
  send(@Payload() mail: Mail) {
    return `sent to ${mail.to}`;
  }

  @TaskHandler('guarded')
  @UseGuards(Closed)
  guarded() {
    return 'never';
  }

  @TaskHandler('flaky', { retryDelay: () => 5_000, isFailure: () => false })
  flaky() {
    throw new Error('429');
  }
}

@Injectable({ scope: Scope.REQUEST })
class Scoped {
  constructor(@Inject(REQUEST) private readonly task: TaskContext) {}

  @TaskHandler('scoped')
  run() {
    return this.task.queue;
  }
}

describe('runTask', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await startApp({
      asynq: { worker: false, defaults: { queue: 'low', maxRetry: 1 } },
      providers: [Mails, Scoped],
    });
  });

  afterAll(() => app[Symbol.asyncDispose]());

  it('runs the handler with its interceptors and its validation, without a server', async () => {
    const sent = await runTask<string>(app.context, 'mail', { to: 'ada@example.com' });
    const refused = await runTask(app.context, 'mail', { to: 'ada' });

    expect(sent).toMatchObject({ outcome: 'succeeded', result: 'SENT TO ADA@EXAMPLE.COM' });
    expect(refused.outcome).toBe('archived');
  });

  it('runs guards, and honors the options of the handler', async () => {
    expect(await runTask(app.context, 'guarded')).toMatchObject({ outcome: 'archived', error: { message: 'closed' } });
    const { outcome, events } = await runTask(app.context, 'flaky');

    expect(outcome).toBe('retried');
    expect(events.at(-1)).toMatchObject({ kind: 'retried', isFailure: false });
  });

  it('builds request-scoped providers, and takes the defaults of the module', async () => {
    expect(await runTask(app.context, 'scoped')).toMatchObject({ result: 'low' });
  });

  it('writes to no queue of the app', async () => {
    await runTask(app.context, 'scoped');

    expect(await app.context.get(TaskInspector).queues()).toEqual([]);
  });

  it('says which handlers there are not', async () => {
    await expect(runTask(app.context, 'unknown')).rejects.toThrow('handler not found for task "unknown"');
    await expect(runTask(app.context, 'mail', {}, { connection: 'other' })).rejects.toThrow('other');
  });
});
