import { type CanActivate, type ExecutionContext, Inject, Injectable, SetMetadata, UseGuards } from '@nestjs/common';
import { expect, it } from 'vitest';
import { PeriodicTask, TaskAggregator, TaskHandler, TaskScheduler } from '../index.js';
import { RecordingLog, startApp } from '../test-app.fixture.js';

const ran: string[] = [];

/** As MikroORM's `@Transactional` does: another function in the place of the method, without its metadata. */
function Wrapped(): MethodDecorator {
  return (_target, _method, descriptor: PropertyDescriptor) => {
    const original = descriptor.value as (...args: unknown[]) => unknown;
    descriptor.value = async function (this: unknown, ...args: unknown[]) {
      ran.push('wrapper');
      return original.apply(this, args);
    };
    return descriptor;
  };
}

/** As decorators that bind a method to its instance do: an accessor in the place of the method. */
function Bound(): MethodDecorator {
  return (_target, _method, descriptor) => {
    const original = descriptor.value as unknown as (...args: unknown[]) => unknown;
    return {
      configurable: true,
      get(this: object) {
        return original.bind(this);
      },
    } as never;
  };
}

class Deny implements CanActivate {
  canActivate(): boolean {
    return false;
  }
}

it.each([
  ['a function', Wrapped, ['wrapper', 'send Ada by sender']],
  ['an accessor', Bound, ['send Ada by sender']],
])(
  'a decorator above @TaskHandler that puts %s in place of the method keeps the handler',
  async (_name, Above, expected) => {
    @Injectable()
    class MailTasks {
      readonly name = 'sender';

      @Above()
      @TaskHandler('mail:send')
      @TaskHandler('mail:resend')
      send(payload: { to: string }): void {
        ran.push(`send ${payload.to} by ${this.name}`);
      }
    }
    ran.length = 0;
    await using app = await startApp({ providers: [MailTasks] });

    const ends = [await app.run('mail:send', { to: 'Ada' }), await app.run('mail:resend', { to: 'Ada' })];

    expect(ends.map(({ kind }) => kind)).toEqual(['succeeded', 'succeeded']);
    expect(ran).toEqual([...expected, ...expected]);
  },
);

it.each([
  ['a function', Wrapped],
  ['an accessor', Bound],
])('the guards of a method apply when a decorator puts %s in its place', async (_name, Above) => {
  @Injectable()
  class MailTasks {
    @Above()
    @TaskHandler('mail:send')
    @UseGuards(Deny)
    send(): void {
      ran.push('sent');
    }
  }
  ran.length = 0;
  await using app = await startApp({ providers: [MailTasks] });

  const end = await app.run('mail:send');

  expect(end).toMatchObject({ kind: 'retried', error: { message: 'Forbidden resource' } });
  expect(ran).toEqual([]);
});

it('the guards of a method apply when its constructor binds it', async () => {
  @Injectable()
  class MailTasks {
    constructor() {
      this.send = this.send.bind(this);
    }

    @TaskHandler('mail:send')
    @UseGuards(Deny)
    send(): void {}
  }
  await using app = await startApp({ providers: [MailTasks] });

  expect(await app.run('mail:send')).toMatchObject({ kind: 'retried', error: { message: 'Forbidden resource' } });
});

it('a method with a symbol as its name handles tasks, also when a subclass overrides it', async () => {
  const send = Symbol('send');

  @Injectable()
  class MailTasks {
    @TaskHandler('mail:send')
    [send](payload: { to: string }): void {
      ran.push(`base ${payload.to}`);
    }
  }
  @Injectable()
  class OtherTasks {
    @TaskHandler('other:send')
    [send](payload: { to: string }): void {
      ran.push(`other ${payload.to}`);
    }
  }
  @Injectable()
  class SpecialTasks extends OtherTasks {
    override [send](payload: { to: string }): void {
      ran.push(`special ${payload.to}`);
    }
  }
  ran.length = 0;
  await using app = await startApp({ providers: [MailTasks, SpecialTasks] });

  await app.run('mail:send', { to: 'Ada' });
  await app.run('other:send', { to: 'Ada' });

  expect(ran).toEqual(['base Ada', 'special Ada']);
});

abstract class BaseTasks {
  @TaskHandler('mail:send')
  @UseGuards(Deny)
  send(): void {
    ran.push('base');
  }
}

it('an override without the decorator handles the tasks, and the boot says which enhancers it has lost', async () => {
  @Injectable()
  class MailTasks extends BaseTasks {
    override send(): void {
      ran.push('override');
    }
  }
  ran.length = 0;
  const log = new RecordingLog();
  await using app = await startApp({ providers: [MailTasks], log });

  expect(await app.run('mail:send')).toMatchObject({ kind: 'succeeded' });
  expect(ran).toEqual(['override']);
  expect(log.lines.filter((line) => line.startsWith('warn'))).toEqual([
    'warn MailTasks.send overrides BaseTasks.send without a @TaskHandler of its own; it is used in place of it, without the ' +
      '@UseGuards of BaseTasks.send. Repeat the decorators on MailTasks.send, or put them on the class. AsynqHandlers',
  ]);
});

it('an override with a decorator of its own replaces that of the base class', async () => {
  @Injectable()
  class MailTasks extends BaseTasks {
    @TaskHandler('letter:send')
    override send(): void {
      ran.push('override');
    }
  }
  ran.length = 0;
  const log = new RecordingLog();
  await using app = await startApp({ providers: [MailTasks], log });

  expect(await app.run('letter:send')).toMatchObject({ kind: 'succeeded' });
  expect(ran).toEqual(['override']);
  expect(log.lines.filter((line) => line.startsWith('warn'))).toEqual([]);
});

it('a decorated method that is gone fails the boot', async () => {
  const Gone = (): MethodDecorator => () => ({ value: undefined, configurable: true }) as never;
  @Injectable()
  class MailTasks {
    @Gone()
    @TaskHandler('mail:send')
    send(): void {}
  }

  await expect(startApp({ providers: [MailTasks] })).rejects.toThrow(
    'MailTasks.send had a @TaskHandler, but no method of that name is left',
  );
});

it('periodic tasks and aggregators survive a decorator above them, too', async () => {
  @Injectable()
  class Reports {
    @Wrapped()
    @PeriodicTask('@daily', { type: 'reports:build' })
    build(): void {}

    @Wrapped()
    @TaskAggregator('digest:*')
    digest(): { type: string } {
      return { type: 'reports:build' };
    }
  }
  await using app = await startApp({ providers: [Reports] });

  expect(app.context.get(TaskScheduler).entries()).toMatchObject([{ type: 'reports:build' }]);
  expect(await app.run('reports:build')).toMatchObject({ kind: 'succeeded' });
});

it('parameters, DTO and other metadata are those of the decorated method', async () => {
  const TOKEN = Symbol('token');
  const seen: unknown[] = [];
  @Injectable()
  class MailTasks {
    constructor(@Inject(TOKEN) private readonly token: string) {}

    @Wrapped()
    @TaskHandler('mail:send')
    @SetMetadata('roles', ['admin'])
    @UseGuards({
      canActivate: (context: ExecutionContext) => seen.push(Reflect.getMetadata('roles', context.getHandler())) > 0,
    })
    send(payload: unknown, context: unknown): void {
      seen.push(payload, (context as { type: string }).type, this.token);
    }
  }
  await using app = await startApp({ providers: [MailTasks, { provide: TOKEN, useValue: 'x' }] });

  await app.run('mail:send', 5);

  expect(seen).toEqual([['admin'], 5, 'mail:send', 'x']);
});
