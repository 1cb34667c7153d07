import { type CanActivate, type ExecutionContext, Inject, Injectable, Scope, UseGuards } from '@nestjs/common';
import { inspect } from 'node:util';
import { type ContextId, ContextIdFactory, type HostComponentInfo, ModuleRef, REQUEST } from '@nestjs/core';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type TaskContext, TaskHandler } from '../index.js';
import { startApp } from '../test-app.fixture.js';

let seen: unknown[] = [];
beforeEach(() => (seen = []));

/** A dependency that shows which instance and which request it has. */
@Injectable({ scope: Scope.REQUEST })
class PerTask {
  static made = 0;
  readonly serial = ++PerTask.made;

  constructor(@Inject(REQUEST) readonly request: TaskContext) {}
}

it('builds request-scoped providers once per task, with its context as REQUEST', async () => {
  @Injectable({ scope: Scope.REQUEST })
  class MailTasks {
    constructor(
      private readonly first: PerTask,
      private readonly second: PerTask,
    ) {}

    @TaskHandler('mail:send')
    send(_payload: unknown, context: TaskContext): void {
      seen.push([this.first === this.second, this.first.request === context, this.first.serial]);
    }
  }
  PerTask.made = 0;
  await using app = await startApp({ providers: [MailTasks, PerTask] });

  await app.run('mail:send');
  await app.run('mail:send');

  expect(seen).toEqual([
    [true, true, 1],
    [true, true, 2],
  ]);
});

it('builds a provider for each task when only its dependency is request-scoped', async () => {
  @Injectable()
  class MailTasks {
    constructor(private readonly own: PerTask) {}

    @TaskHandler('mail:send')
    send(_payload: unknown, context: TaskContext): void {
      seen.push(this.own.request === context);
    }
  }
  await using app = await startApp({ providers: [MailTasks, PerTask] });

  await app.run('mail:send');

  expect(seen).toEqual([true]);
});

it('builds a provider for each task when its guard is request-scoped', async () => {
  @Injectable({ scope: Scope.REQUEST })
  class TenantGuard implements CanActivate {
    constructor(@Inject(REQUEST) private readonly request: TaskContext) {}

    canActivate(context: ExecutionContext): boolean {
      seen.push(this.request === context.getArgByIndex(1));
      return true;
    }
  }
  @UseGuards(TenantGuard)
  class MailTasks {
    @TaskHandler('mail:send')
    send(): void {}
  }
  await using app = await startApp({ providers: [MailTasks] });

  await app.run('mail:send');

  expect(seen).toEqual([true]);
});

it('builds transient providers with their dependencies', async () => {
  @Injectable()
  class Mailer {}
  @Injectable({ scope: Scope.TRANSIENT })
  class MailTasks {
    constructor(private readonly mailer: Mailer) {}

    @TaskHandler('mail:send')
    send(): void {
      seen.push(this.mailer instanceof Mailer);
    }
  }
  await using app = await startApp({ providers: [MailTasks, Mailer] });

  await app.run('mail:send');

  expect(seen).toEqual([true]);
});

it('retries a task whose provider cannot be built', async () => {
  @Injectable({ scope: Scope.REQUEST })
  class MailTasks {
    constructor() {
      throw new Error('no mail server');
    }

    @TaskHandler('mail:send')
    send(): void {}
  }
  await using app = await startApp({ providers: [MailTasks] });

  expect(await app.run('mail:send')).toMatchObject({ kind: 'retried', error: new Error('no mail server') });
});

it('keeps a singleton', async () => {
  @Injectable()
  class MailTasks {
    @TaskHandler('mail:send')
    send(): void {
      seen.push(this);
    }
  }
  await using app = await startApp({ providers: [MailTasks] });

  await app.run('mail:send');
  await app.run('mail:send');

  expect(seen).toEqual([app.context.get(MailTasks), app.context.get(MailTasks)]);
  expect(seen[0]).toBe(seen[1]);
});

it("leads to the providers of the task by its REQUEST, as Nest's guide does", async () => {
  @Injectable({ scope: Scope.REQUEST })
  class MailTasks {
    constructor(
      private readonly own: PerTask,
      @Inject(REQUEST) private readonly request: TaskContext,
      private readonly moduleRef: ModuleRef,
    ) {}

    @TaskHandler('mail:send')
    async send(): Promise<void> {
      const contextId = ContextIdFactory.getByRequest(this.request);
      const found = await this.moduleRef.resolve(PerTask, contextId, { strict: false });
      seen.push(found === this.own, ContextIdFactory.getByRequest(this.request) === contextId);
    }
  }
  await using app = await startApp({ providers: [MailTasks, PerTask] });

  await app.run('mail:send');

  expect(seen).toEqual([true, true]);
});

it('shows nothing of its own in a context that is logged', async () => {
  @Injectable({ scope: Scope.REQUEST })
  class MailTasks {
    constructor(@Inject(REQUEST) private readonly request: TaskContext) {}

    @TaskHandler('mail:send')
    send(): void {
      seen.push(Object.keys(this.request), inspect(this.request));
    }
  }
  await using app = await startApp({ providers: [MailTasks] });

  await app.run('mail:send', { secret: 'hunter2' });

  expect(seen[0]).not.toContain('payload');
  expect(seen[1]).not.toContain('hunter2');
});

const tenantOfHeader = ({ headers }: TaskContext): string => headers['tenant'] ?? 'none';

function oneScopePerTenant(tenantOf = tenantOfHeader): void {
  const scopes = new Map<string, ContextId>();
  ContextIdFactory.apply({
    attach(contextId: ContextId, request: TaskContext) {
      const tenant = tenantOf(request);
      const shared = scopes.get(tenant) ?? ContextIdFactory.create();
      scopes.set(tenant, shared);
      return {
        resolve: ({ isTreeDurable }: HostComponentInfo) => (isTreeDurable ? shared : contextId),
        payload: { tenant },
      };
    },
  });
}

// Removes the strategy; Nest has no method for that.
afterEach(() => Reflect.set(ContextIdFactory, 'strategy', undefined));

it('shares durable providers between the tasks of one tenant', async () => {
  oneScopePerTenant();
  @Injectable({ scope: Scope.REQUEST, durable: true })
  class MailTasks {
    constructor(@Inject(REQUEST) private readonly request: { readonly tenant: string }) {}

    @TaskHandler('mail:send')
    send(): void {
      seen.push([this, this.request.tenant]);
    }
  }
  await using app = await startApp({ providers: [MailTasks] });

  for (const tenant of ['a', 'b', 'a']) await app.run('mail:send', undefined, { headers: { tenant } });

  const [[first, nameA], [second, nameB], [third]] = seen as [[object, string], [object, string], [object, string]];
  expect([nameA, nameB]).toEqual(['a', 'b']);
  expect(third).toBe(first);
  expect(second).not.toBe(first);
});

it('shares durable providers between the tasks whose payload names one tenant', async () => {
  oneScopePerTenant(({ payload }) => (payload as { readonly tenant: string }).tenant);
  @Injectable({ scope: Scope.REQUEST, durable: true })
  class MailTasks {
    constructor(@Inject(REQUEST) private readonly request: { readonly tenant: string }) {}

    @TaskHandler('mail:send')
    send(): void {
      seen.push([this, this.request.tenant]);
    }
  }
  await using app = await startApp({ providers: [MailTasks] });

  for (const tenant of ['a', 'b', 'a']) await app.run('mail:send', { tenant });

  const [[first, nameA], [second, nameB], [third]] = seen as [[object, string], [object, string], [object, string]];
  expect([nameA, nameB]).toEqual(['a', 'b']);
  expect(third).toBe(first);
  expect(second).not.toBe(first);
});
