import { Controller, createParamDecorator, Injectable, Module, type Provider } from '@nestjs/common';
import { expect, it } from 'vitest';
import { Ctx, Payload, type TaskContext, TaskHandler } from '../index.js';
import { RecordingLog, startApp } from '../test-app.fixture.js';
import { HandlerSetupError } from './handler-setup.error.js';

class Mail {
  to!: string;
}

@Injectable()
class MailTasks {
  @TaskHandler('mail:send')
  send(): void {}
}

@Injectable()
class OtherMailTasks {
  @TaskHandler('mail:send')
  deliver(): void {}
}

async function bootError(providers: Provider[], controllers: (new () => object)[] = []): Promise<string> {
  const failure = await startApp({ providers, controllers }).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(HandlerSetupError);
  return (failure as HandlerSetupError).message;
}

it('names both methods when two classes handle one type', async () => {
  const message = await bootError([MailTasks, OtherMailTasks]);

  expect(message).toBe(
    'AsynqModule: duplicate handler for task type "mail:send":\n' +
      '  MailTasks.send   (module RootTestModule)\n' +
      '  OtherMailTasks.deliver   (module RootTestModule)\n' +
      'A task runs one handler: remove one of them, or give them different task types.',
  );
});

it('explains a class that two modules provide', async () => {
  @Module({ providers: [MailTasks] })
  class MailModule {}

  const failure = startApp({ imports: [MailModule], providers: [MailTasks] });

  await expect(failure).rejects.toThrow(
    'AsynqModule: duplicate handler for task type "mail:send":\n' +
      '  MailTasks.send   (module RootTestModule)\n' +
      '  MailTasks.send   (module MailModule)\n' +
      'The same class is listed in "providers" of both modules; export it from one of them instead.',
  );
});

it('explains a class under two tokens of one module', async () => {
  const message = await bootError([MailTasks, { provide: 'mail', useClass: MailTasks }]);

  expect(message).toContain('use "useExisting" for all but one');
});

it('explains the same decorator twice on a method', async () => {
  class Twice {
    @TaskHandler('mail:send')
    @TaskHandler('mail:send')
    send(): void {}
  }

  const message = await bootError([Twice]);

  expect(message).toContain('The method has the same @TaskHandler twice; remove one.');
});

it('treats an alias and a factory that returns the same instance as one handler', async () => {
  await using app = await startApp({
    providers: [
      MailTasks,
      { provide: 'alias', useExisting: MailTasks },
      { provide: 'factory', useFactory: (tasks: MailTasks) => tasks, inject: [MailTasks] },
    ],
  });

  expect(await app.run('mail:send')).toMatchObject({ kind: 'succeeded' });
});

it('finds handlers of classes that a factory or a value provides', async () => {
  await using app = await startApp({
    providers: [
      { provide: 'factory', useFactory: () => new MailTasks() },
      { provide: 'nothing', useValue: null },
    ],
  });

  expect(await app.run('mail:send')).toMatchObject({ kind: 'succeeded' });
});

it('refuses an undecorated parameter next to a decorated one', async () => {
  class Mixed {
    @TaskHandler('mail:send')
    send(@Payload() _mail: Mail, _ctx: TaskContext): void {}
  }

  const message = await bootError([Mixed]);

  expect(message).toBe(
    'AsynqModule: parameter 1 of Mixed.send has no decorator while parameter 0 has one, so it would be null. ' +
      'Decorate it with @Payload() or @Ctx().',
  );
});

it('counts a parameter with a default value, which would be null, too', async () => {
  class Mixed {
    @TaskHandler('mail:send')
    send(@Ctx() _ctx: TaskContext, _retries = 3): void {}
  }

  const message = await bootError([Mixed]);

  expect(message).toContain('parameter 1 of Mixed.send has no decorator');
});

it('counts decorators made with createParamDecorator', async () => {
  const Tenant = createParamDecorator(() => 'acme');
  class Mixed {
    @TaskHandler('mail:send')
    send(_mail: Mail, @Tenant() _tenant: string): void {}
  }

  const message = await bootError([Mixed]);

  expect(message).toContain('parameter 0 of Mixed.send has no decorator while parameter 1 has one');
});

it('refuses a third parameter when none is decorated', async () => {
  class Long {
    @TaskHandler('mail:send')
    send(_mail: Mail, _ctx: TaskContext, _more: string): void {}
  }

  const message = await bootError([Long]);

  expect(message).toBe(
    'AsynqModule: parameter 2 of Long.send has no decorator, and without decorators a handler takes (payload, context), ' +
      'so it would be null. Decorate all parameters.',
  );
});

it('refuses a handler in a controller', async () => {
  @Controller()
  class MailController {
    @TaskHandler('mail:send')
    send(): void {}
  }

  const message = await bootError([], [MailController]);

  expect(message).toContain('MailController.send has a @TaskHandler in a controller');
  expect(message).toContain('Move it to a class in "providers".');
});

it('refuses a static method', () => {
  expect(() => {
    class Statics {
      @TaskHandler('mail:send')
      static send(): void {}

      receive(): void {}
    }
    return Statics;
  }).toThrow('@TaskHandler("mail:send") is on the static method Statics.send');
});

it('refuses a blank task type', async () => {
  class Blank {
    @TaskHandler(' ')
    send(): void {}
  }

  expect(await bootError([Blank])).toContain('Blank.send: the task type is blank');
});

it('refuses a connection that no module defines', async () => {
  class Billing {
    @TaskHandler('invoice:send', { connection: 'billing' })
    send(): void {}
  }

  const message = await bootError([Billing]);

  expect(message).toContain(
    'Billing.send handles tasks of connection "billing", which no AsynqModule.forRoot() defines (known: default)',
  );
});

it('logs which payloads cannot be validated, at debug level', async () => {
  class Loose {
    @TaskHandler('mail:send')
    send(_mail: { to: string }): void {}
  }
  const log = new RecordingLog();

  const app = await startApp({ providers: [Loose], log });
  await app.context.close();

  expect(log.lines.join('\n')).toContain(
    'Loose.send: the payload parameter is an interface or a union (design type Object), so it cannot be validated. Use a class.',
  );
});

it('runs the handler with the longest matching pattern', async () => {
  const ran: string[] = [];
  class Patterns {
    @TaskHandler('mail:')
    any(): void {
      ran.push('mail:');
    }

    @TaskHandler('mail:urgent:')
    urgent(): void {
      ran.push('mail:urgent:');
    }

    @TaskHandler('mail:urgent:now')
    @TaskHandler('sms:now')
    now(): void {
      ran.push('now');
    }
  }
  await using app = await startApp({ providers: [Patterns] });

  for (const type of ['mail:urgent:now', 'mail:urgent:soon', 'mail:send', 'sms:now']) await app.run(type);

  expect(ran).toEqual(['now', 'mail:urgent:', 'mail:', 'now']);
});

it('finds handlers that a class inherits', async () => {
  class Heir extends MailTasks {}
  await using app = await startApp({ providers: [Heir] });

  expect(await app.run('mail:send')).toMatchObject({ kind: 'succeeded' });
});
