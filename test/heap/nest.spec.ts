import { getEventListeners } from 'node:events';
import { Inject, Injectable, Module, Scope } from '@nestjs/common';
import { type ContextId, ContextIdFactory, type HostComponentInfo, REQUEST } from '@nestjs/core';
import { HealthCheckService, TerminusModule } from '@nestjs/terminus';
import { Test, type TestingModule } from '@nestjs/testing';
import { openBroker } from '@nestjs-asynq/core';
import { IsEmail, IsString } from 'class-validator';
import {
  AsynqModule,
  Payload,
  Signal,
  type TaskContext,
  TaskDistributor,
  type TaskEvent,
  TaskEvents,
  TaskHandler,
  TaskInspector,
} from 'nestjs-asynq';
import { AsynqHealthIndicator } from 'nestjs-asynq/terminus';
import { firstValueFrom } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bytesLeftPerCall } from './retained.js';

/** Of each operation, in each of two rounds or more. */
const CALLS = 500;
/** Apps that start and stop take milliseconds. */
const APPS = 20;
/** Far below what one scope, subscriber or listener takes. */
const ENOUGH_BYTES = 64;

const large = 'x'.repeat(2_000);

class Mail {
  @IsEmail()
  to!: string;

  @IsString()
  large!: string;
}

@Injectable({ scope: Scope.REQUEST })
class PerTask {
  readonly large = Buffer.alloc(1_000).toString('hex');

  constructor(@Inject(REQUEST) readonly request: TaskContext) {}
}

@Injectable({ scope: Scope.REQUEST, durable: true })
class PerTenant {
  constructor(@Inject(REQUEST) readonly request: { readonly tenant: string }) {}
}

@Injectable({ scope: Scope.TRANSIENT })
class Transient {
  readonly large = Buffer.alloc(1_000).toString('hex');
}

@Injectable()
class PlainTasks {
  @TaskHandler('plain')
  plain(@Payload() mail: Mail, @Signal() signal: AbortSignal): void {
    signal.addEventListener('abort', () => mail);
  }
}

@Injectable()
class RequestTasks {
  constructor(private readonly own: PerTask) {}

  @TaskHandler('per-task')
  perTask(@Payload('large') text: string): string {
    return text + this.own.large;
  }
}

@Injectable({ scope: Scope.REQUEST, durable: true })
class DurableTasks {
  constructor(private readonly own: PerTenant) {}

  @TaskHandler('per-tenant')
  perTenant(): string {
    return this.own.request.tenant;
  }
}

@Injectable()
class TransientTasks {
  constructor(private readonly own: Transient) {}

  @TaskHandler('transient')
  transient(): string {
    return this.own.large;
  }
}

const TASKS = [PlainTasks, RequestTasks, DurableTasks, TransientTasks];

@Module({ imports: [TerminusModule], providers: [...TASKS, PerTask, PerTenant, Transient, AsynqHealthIndicator] })
class TasksModule {}

/** Durable providers are shared by the tasks of one tenant; all others live for one task. */
function oneScopePerTenant(): void {
  const scopes = new Map<string, ContextId>();
  ContextIdFactory.apply({
    attach(contextId: ContextId, { headers }: TaskContext) {
      const tenant = headers['tenant'] ?? 'none';
      const shared = scopes.get(tenant) ?? ContextIdFactory.create();
      scopes.set(tenant, shared);
      return {
        resolve: ({ isTreeDurable }: HostComponentInfo) => (isTreeDurable ? shared : contextId),
        payload: { tenant },
      };
    },
  });
}

const nothing = (): void => undefined;

async function startApp(): Promise<TestingModule> {
  const asynq = AsynqModule.forRoot({ connection: openBroker('memory'), concurrency: 50 });
  const app = await Test.createTestingModule({ imports: [TasksModule, asynq] })
    .setLogger({ log: nothing, warn: nothing, error: nothing })
    .compile();
  return app.init();
}

describe('the heap of a Nest app', () => {
  let app: TestingModule;
  const ended = new Map<string, () => void>();
  beforeAll(async () => {
    oneScopePerTenant();
    app = await startApp();
    app.get(TaskEvents).subscribe(({ kind, id }: TaskEvent) => {
      if (kind !== 'succeeded' && kind !== 'archived') return;
      ended.get(id)?.();
      ended.delete(id);
    });
  });
  afterAll(async () => {
    await app.close();
    Reflect.set(ContextIdFactory, 'strategy', undefined); // Nest has no call for it
  });

  let lastId = 0;
  async function run(type: string, payload: unknown, headers: Record<string, string> = {}): Promise<string> {
    const taskId = `task-${lastId++}`;
    const end = new Promise<void>((resolve) => ended.set(taskId, resolve));
    await app.get(TaskDistributor).enqueue(type, payload, { taskId, headers });
    await end;
    return taskId;
  }

  const mail = { to: 'ann@example.org', large };
  const forever = new AbortController().signal;
  const OPERATIONS: Readonly<Record<string, (index: number) => Promise<unknown>>> = {
    'a task with a payload that is validated': () => run('plain', mail),
    'a task with a payload that is refused': async () =>
      app.get(TaskInspector).deleteTask('default', await run('plain', { ...mail, to: 'nowhere' })),
    'a task of a request-scoped handler': () => run('per-task', mail),
    'a task of a durable handler': (index) => run('per-tenant', mail, { tenant: String(index % 10) }),
    'a task of a handler with a transient provider': () => run('transient', mail),
    'an enqueue': async () => {
      const { id } = await app.get(TaskDistributor).enqueue('later', mail, { processIn: '1h' });
      await app.get(TaskInspector).deleteTask('default', id);
    },
    'wait() with a signal': async () => {
      const task = await app.get(TaskDistributor).enqueue('per-task', mail, { retention: '1h' });
      await task.result({ timeout: '1m', signal: forever });
      await app.get(TaskInspector).deleteTask('default', task.id);
    },
    'a subscriber that leaves': async () => {
      const events = app.get(TaskEvents);
      const subscriptions = [events.subscribe(() => large), events.of('started').subscribe({ next: () => large })];
      const first = firstValueFrom(events.of('succeeded'));
      await run('transient', undefined);
      await first;
      for (const subscription of subscriptions) subscription.unsubscribe();
    },
    'a health check': () =>
      app.get(HealthCheckService).check([() => app.get(AsynqHealthIndicator).check('queue', { timeout: '1m' })]),
  };

  it.each(Object.entries(OPERATIONS))('keeps nothing of %s', async (_name, call) => {
    const bytes = await bytesLeftPerCall(call, ENOUGH_BYTES, { calls: CALLS, atOnce: 50 });

    expect(bytes).toBeLessThan(ENOUGH_BYTES);
    expect(getEventListeners(forever, 'abort')).toEqual([]);
  });

  it('keeps nothing of apps that are closed', async () => {
    const call = async (): Promise<void> => {
      const other = await startApp();
      const succeeded = firstValueFrom(other.get(TaskEvents).of('succeeded'));
      await other.get(TaskDistributor).enqueue('per-task', mail);
      await succeeded;
      await other.close();
    };

    const bytes = await bytesLeftPerCall(call, 100 * ENOUGH_BYTES, { calls: APPS, atOnce: 1 });

    expect(bytes).toBeLessThan(100 * ENOUGH_BYTES);
  });
});
