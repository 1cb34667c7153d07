import { isDeepStrictEqual } from 'node:util';
import {
  type ArgumentsHost,
  BadRequestException,
  type CallHandler,
  type CanActivate,
  Catch,
  createParamDecorator,
  type ExceptionFilter,
  type ExecutionContext,
  HttpException,
  Injectable,
  type NestInterceptor,
  type PipeTransform,
  type Type,
  UnprocessableEntityException,
  UseFilters,
  UseGuards,
  UseInterceptors,
  UsePipes,
  ValidationPipe,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, APP_PIPE } from '@nestjs/core';
import { IsEmail, IsOptional, IsString } from 'class-validator';
import { FakeClock } from '@nestjs-asynq/core/testing';
import { concat, defer, EMPTY, fromEvent, map, NEVER, Observable, of, takeUntil, throwError } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import {
  Ctx,
  getTaskContext,
  isAsynqContext,
  Payload,
  RevokeTask,
  Signal,
  SkipRetry,
  type TaskContext,
  TaskHandler,
  TaskId,
} from '../index.js';
import { errorText, RecordingLog, startApp } from '../test-app.fixture.js';

class Mail {
  @IsEmail()
  to!: string;

  @IsOptional()
  @IsString()
  subject?: string;
}

const seen = vi.fn<(...args: unknown[]) => void>();

/** A class that handles `mail:send` with this function, without enhancers. */
function handling(run: (mail: Mail, context: TaskContext) => unknown): new () => object {
  class MailTasks {
    @TaskHandler('mail:send')
    send(@Payload() mail: Mail, @Ctx() context: TaskContext): unknown {
      return run(mail, context);
    }
  }
  return MailTasks;
}

describe('parameters', () => {
  it('passes the value of each decorator, in any order', async () => {
    const Tenant = createParamDecorator(
      (header: string, host: ExecutionContext) => getTaskContext(host).headers[header],
    );
    class MailTasks {
      @TaskHandler('mail:send')
      send(
        @Signal() signal: AbortSignal,
        @Payload('to') to: string,
        @TaskId() id: string,
        @Tenant('tenant') tenant: string,
        @Ctx() context: TaskContext,
      ): void {
        seen(signal === context.signal, to, id, tenant, context.type);
      }
    }
    await using app = await startApp({ providers: [MailTasks] });

    await app.run('mail:send', { to: 'ann@example.org' }, { taskId: 'id-1', headers: { tenant: 'acme' } });

    expect(seen).toHaveBeenLastCalledWith(true, 'ann@example.org', 'id-1', 'acme', 'mail:send');
  });

  it('reads (payload, context) from a method without decorated parameters, and validates the payload', async () => {
    class MailTasks {
      @TaskHandler('mail:send')
      send(mail: Mail, context: TaskContext): void {
        seen(mail instanceof Mail, mail.to, context.id);
      }
    }
    await using app = await startApp({ providers: [MailTasks] });

    const good = await app.run('mail:send', { to: 'ann@example.org' }, { taskId: 'id-2' });
    const bad = await app.run('mail:send', { to: 'nowhere' });

    expect(good.kind).toBe('succeeded');
    expect(seen).toHaveBeenLastCalledWith(true, 'ann@example.org', 'id-2');
    expect(bad.kind).toBe('archived');
  });

  describe('of a method that overrides an inherited handler', () => {
    class BaseTasks {
      @TaskHandler('base:send')
      send(@Payload() _mail: unknown, @Ctx() _context: unknown): void {}
    }
    class SwappedTasks {
      @TaskHandler('base:send')
      send(@Ctx() _context: unknown, @Payload() _mail: unknown): void {}
    }

    it('are those that it decorates itself', async () => {
      class MailTasks extends BaseTasks {
        @TaskHandler('mail:send')
        override send(@Signal() signal: AbortSignal, @Payload() mail: Mail): void {
          seen(signal instanceof AbortSignal, mail instanceof Mail, mail.to);
        }
      }
      await using app = await startApp({ providers: [MailTasks] });

      const end = await app.run('mail:send', { to: 'ann@example.org' });

      expect([end.kind, errorText(end)]).toEqual(['succeeded', '']);
      expect(seen).toHaveBeenLastCalledWith(true, true, 'ann@example.org');
    });

    it('are (payload, context) without decorators', async () => {
      class MailTasks extends SwappedTasks {
        @TaskHandler('mail:send')
        override send(mail: Mail, context: TaskContext): void {
          seen(mail.to, context.type);
        }
      }
      await using app = await startApp({ providers: [MailTasks] });

      await app.run('mail:send', { to: 'ann@example.org' });

      expect(seen).toHaveBeenLastCalledWith('ann@example.org', 'mail:send');
    });
  });

  it('runs the pipes that @Payload names', async () => {
    const upper: PipeTransform<string, string> = { transform: (value) => value.toUpperCase() };
    class MailTasks {
      @TaskHandler('mail:send')
      send(@Payload('to', upper) to: string): void {
        seen(to);
      }
    }
    await using app = await startApp({ providers: [MailTasks] });

    await app.run('mail:send', { to: 'ann' });

    expect(seen).toHaveBeenLastCalledWith('ANN');
  });

  it('runs pipes of app, class, method and parameter in this order, with what they are told of each parameter', async () => {
    const steps: [name: string, ...told: unknown[]][] = [];
    const pipe = (name: string): PipeTransform => ({
      transform: (value: unknown, { type, metatype, data }) => {
        steps.push([name, type, metatype, data]);
        return value;
      },
    });
    const Tenant = createParamDecorator(() => Promise.resolve('acme'));
    @UsePipes(pipe('class'))
    class MailTasks {
      @TaskHandler('mail:send')
      @UsePipes(pipe('method'))
      send(@Payload('to', pipe('parameter')) to: string, @Ctx() context: TaskContext, @Tenant() tenant: string): void {
        seen(to, context.type, tenant);
      }
    }
    await using app = await startApp({ providers: [MailTasks, { provide: APP_PIPE, useValue: pipe('app') }] });

    await app.run('mail:send', { to: 'ann' });

    expect(seen).toHaveBeenLastCalledWith('ann', 'mail:send', 'acme');
    const toldOf = (...parameter: unknown[]): string[] =>
      steps.filter(([, ...told]) => isDeepStrictEqual(told, parameter)).map(([name]) => name);
    expect(toldOf('body', String, 'to')).toEqual(['app', 'class', 'method', 'parameter']);
    expect(toldOf('custom', Object, undefined)).toEqual(['app', 'class', 'method']);
    expect(toldOf('custom', String, undefined)).toEqual(['app', 'class', 'method']);
  });

  it('passes undefined for a property of a missing payload', async () => {
    class MailTasks {
      @TaskHandler('mail:send')
      send(@Payload('to') to: unknown): void {
        seen(to);
      }
    }
    await using app = await startApp({ providers: [MailTasks] });

    await app.run('mail:send');

    expect(seen).toHaveBeenLastCalledWith(undefined);
  });
});

describe('validation', () => {
  it('passes an instance of the class', async () => {
    await using app = await startApp({ providers: [handling((mail) => seen(mail))] });

    await app.run('mail:send', { to: 'ann@example.org' });

    expect(seen.mock.lastCall?.[0]).toBeInstanceOf(Mail);
  });

  it('archives an invalid payload at once, with every message', async () => {
    const run = vi.fn<() => void>();
    await using app = await startApp({ providers: [handling(run)] });

    const end = await app.run('mail:send', { to: 'nowhere', subject: 7 });

    expect(end.kind).toBe('archived');
    expect(errorText(end)).toBe('invalid payload: to must be an email; subject must be a string');
    expect(run).not.toHaveBeenCalled();
  });

  it.each([undefined, null, 'text', ['ann@example.org']])('archives %j where a class is expected', async (payload) => {
    await using app = await startApp({ providers: [handling(() => undefined)] });

    expect(await app.run('mail:send', payload)).toMatchObject({ kind: 'archived' });
  });

  it('accepts the options of ValidationPipe', async () => {
    await using app = await startApp({
      providers: [handling((mail) => seen(mail))],
      asynq: { validation: { whitelist: true } },
    });

    await app.run('mail:send', { to: 'ann@example.org', extra: true });

    expect(seen.mock.lastCall?.[0]).toEqual(Object.assign(new Mail(), { to: 'ann@example.org' }));
  });

  it('can be turned off', async () => {
    await using app = await startApp({ providers: [handling((mail) => seen(mail))], asynq: { validation: false } });

    await app.run('mail:send', { to: 'nowhere' });

    expect(seen).toHaveBeenLastCalledWith({ to: 'nowhere' });
  });

  it("archives what the app's own global ValidationPipe rejects", async () => {
    await using app = await startApp({
      providers: [
        handling(() => undefined),
        { provide: APP_PIPE, useValue: new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true }) },
      ],
    });

    const end = await app.run('mail:send', { to: 'ann@example.org', extra: true });

    expect(end.kind).toBe('archived');
    expect(errorText(end)).toBe('invalid payload: property extra should not exist');
  });

  it('does not transform a payload that a global pipe has already transformed', async () => {
    const made: Mail[] = [];
    const pipe: PipeTransform = {
      transform: (value: Mail, { metatype }) => {
        if (metatype !== Mail) return value;
        made.push(Object.assign(new Mail(), value));
        return made[0];
      },
    };
    await using app = await startApp({
      providers: [handling((mail) => seen(mail === made[0])), { provide: APP_PIPE, useValue: pipe }],
    });

    await app.run('mail:send', { to: 'ann@example.org' });

    expect(seen).toHaveBeenLastCalledWith(true);
  });

  it('archives a 422 of a pipe, and retries any other error of a pipe', async () => {
    const pipe: PipeTransform = {
      transform: (value: { to: string }) => {
        throw value.to === '422' ? new UnprocessableEntityException('no such thing') : new Error('database is away');
      },
    };
    class MailTasks {
      @TaskHandler('mail:send')
      @UsePipes(pipe)
      send(@Payload() _mail: object): void {}
    }
    await using app = await startApp({ providers: [MailTasks] });

    const rejected = await app.run('mail:send', { to: '422' });
    const failed = await app.run('mail:send', { to: 'any' });

    expect([rejected.kind, errorText(rejected)]).toEqual(['archived', 'invalid payload: no such thing']);
    expect([failed.kind, errorText(failed)]).toEqual(['retried', 'database is away']);
  });

  it('retries a BadRequestException of the handler itself, which is not about the payload', async () => {
    const refuse = (): never => {
      throw new BadRequestException('from another service');
    };
    await using app = await startApp({ providers: [handling(refuse)] });

    expect(await app.run('mail:send', { to: 'ann@example.org' })).toMatchObject({ kind: 'retried' });
  });
});

describe('results', () => {
  it.each([
    ['a value', () => 1, 'succeeded'],
    ['a promise', () => Promise.resolve(), 'succeeded'],
    ['an Observable with values', () => of(1, 2), 'succeeded'],
    ['an empty Observable', () => EMPTY, 'succeeded'],
    [
      'a failing Observable',
      () =>
        concat(
          of(1),
          throwError(() => new Error('late')),
        ),
      'retried',
    ],
    ['a rejection', () => Promise.reject(new Error('no')), 'retried'],
    ['SkipRetry', () => Promise.reject(new SkipRetry('hopeless')), 'archived'],
    ['RevokeTask', () => Promise.reject(new RevokeTask()), 'revoked'],
  ])('ends the task after %s', async (_name, run, kind) => {
    await using app = await startApp({ providers: [handling(run)] });

    expect(await app.run('mail:send', { to: 'ann@example.org' })).toMatchObject({ kind });
  });

  it('waits for an Observable to complete', async () => {
    const order: string[] = [];
    const slow = defer(async () => {
      await Promise.resolve();
      order.push('worked');
    });
    await using app = await startApp({ providers: [handling(() => slow)] });

    await app.run('mail:send', { to: 'ann@example.org' });
    order.push('ended');

    expect(order).toEqual(['worked', 'ended']);
  });

  it.each(['thrown away', 'filtered'])(
    'unsubscribes an Observable that never ends when the attempt must, and frees the slot (%s)',
    async (how) => {
      const torn = vi.fn<() => void>();
      const filters: ExceptionFilter[] =
        how === 'filtered'
          ? [
              {
                catch: (error: Error) => {
                  throw error;
                },
              },
            ]
          : [];
      class MailTasks {
        @UseFilters(...filters)
        @TaskHandler('mail:send')
        send(): Observable<never> {
          return new Observable(() => torn);
        }

        @TaskHandler('mail:other')
        other(): void {}
      }
      const clock = new FakeClock();
      await using app = await startApp({ providers: [MailTasks], asynq: { concurrency: 1, clock } });

      const ended = app.run('mail:send', undefined, { timeout: '1s' });
      const other = app.run('mail:other');
      await clock.advance('2s');

      expect(await ended).toMatchObject({ kind: 'retried', error: { code: 'TASK_TIMEOUT' } });
      expect(await other).toMatchObject({ kind: 'succeeded' });
      expect(torn).toHaveBeenCalledOnce();
    },
  );

  it('takes what an Observable makes of the abort for the outcome', async () => {
    class MailTasks {
      @TaskHandler('mail:send')
      send(@Signal() signal: AbortSignal): Observable<unknown> {
        return NEVER.pipe(takeUntil(fromEvent(signal, 'abort')));
      }
    }
    const clock = new FakeClock();
    await using app = await startApp({ providers: [MailTasks], asynq: { clock } });

    const ended = app.run('mail:send', undefined, { timeout: '1s' });
    await clock.advance('2s');

    expect(await ended).toMatchObject({ kind: 'succeeded' });
  });
});

describe('guards and interceptors', () => {
  @Injectable()
  class Deny implements CanActivate {
    canActivate(context: ExecutionContext): boolean {
      seen(context.getType(), isAsynqContext(context), context.getClass().name, context.getHandler().name);
      return getTaskContext(context).headers['pass'] === 'yes';
    }
  }

  it('runs those of the method and the class', async () => {
    @UseGuards(Deny)
    class MailTasks {
      @TaskHandler('mail:send')
      send(): void {}
    }
    await using app = await startApp({ providers: [MailTasks] });

    const denied = await app.run('mail:send');
    const passed = await app.run('mail:send', undefined, { headers: { pass: 'yes' } });

    expect(seen).toHaveBeenLastCalledWith('asynq', true, 'MailTasks', 'send');
    expect([denied.kind, errorText(denied)]).toEqual(['retried', 'Forbidden resource']);
    expect(passed.kind).toBe('succeeded');
  });

  it('puts interceptors around the handler', async () => {
    const order: string[] = [];
    class Around implements NestInterceptor {
      intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
        order.push('before');
        return next.handle().pipe(map(() => order.push('after')));
      }
    }
    class MailTasks {
      @TaskHandler('mail:send')
      @UseInterceptors(Around)
      send(): void {
        order.push('handler');
      }
    }
    await using app = await startApp({ providers: [MailTasks] });

    await app.run('mail:send');

    expect(order).toEqual(['before', 'handler', 'after']);
  });

  const globals = [
    { provide: APP_GUARD, useValue: { canActivate: () => false } },
    { provide: APP_INTERCEPTOR, useValue: { intercept: () => throwError(() => new Error('meant for HTTP')) } },
  ];

  it('ignores global ones, even next to local ones', async () => {
    @UseGuards({ canActivate: () => true })
    @UseInterceptors({ intercept: (_context: ExecutionContext, next: CallHandler) => next.handle() })
    class MailTasks {
      @TaskHandler('mail:send')
      send(): void {}
    }
    await using app = await startApp({ providers: [MailTasks, ...globals] });

    expect(await app.run('mail:send')).toMatchObject({ kind: 'succeeded' });
  });

  it('runs global ones that the options enable', async () => {
    const providers = [handling(() => undefined), ...globals];
    await using guarded = await startApp({ providers, asynq: { enhancers: { guards: true } } });
    await using intercepted = await startApp({ providers, asynq: { enhancers: { interceptors: true } } });

    const [denied, failed] = [await guarded.run('mail:send'), await intercepted.run('mail:send')];

    expect(errorText(denied)).toBe('Forbidden resource');
    expect(errorText(failed)).toBe('meant for HTTP');
  });

  it('runs pipes that are added to the app after its creation', async () => {
    const replace: PipeTransform = { transform: () => Object.assign(new Mail(), { to: 'piped' }) };
    class MailTasks {
      @TaskHandler('mail:send')
      send(@Payload() mail: Mail): void {
        seen(mail.to);
      }
    }
    await using app = await startApp({
      providers: [MailTasks],
      prepare: (module) => module.createNestApplication().useGlobalPipes(replace),
    });

    await app.run('mail:send');

    expect(seen).toHaveBeenLastCalledWith('piped');
  });
});

@Catch(HttpException)
class HttpOnly implements ExceptionFilter {
  catch(): void {}
}

@Catch()
class Nothing implements ExceptionFilter {
  catch(): void {}
}

describe('filters', () => {
  /** An app whose handler throws `boom` under this filter. */
  function withFilter(filter: ExceptionFilter, log = new RecordingLog()): ReturnType<typeof startApp> {
    @UseFilters(filter)
    class MailTasks {
      @TaskHandler('mail:send')
      send(): void {
        throw new Error('boom');
      }
    }
    return startApp({ providers: [MailTasks], log });
  }

  it.each([
    ['nothing', () => undefined],
    ['null', () => null],
    ['a value', () => 'handled'],
    ['a promise', () => Promise.resolve()],
  ])('does not turn a failure into a success when a filter returns %s', async (_name, answer) => {
    await using app = await withFilter({ catch: answer });

    const end = await app.run('mail:send');

    expect([end.kind, errorText(end)]).toEqual(['retried', 'boom']);
  });

  it.each<[string, Type<ExceptionFilter>]>([
    ['does not catch it', HttpOnly],
    ['returns nothing', Nothing],
  ])('a failure is one line of the log when a filter %s', async (_name, filter) => {
    const log = new RecordingLog();
    @UseFilters(filter)
    class MailTasks {
      @TaskHandler('mail:send')
      send(): void {
        throw new Error('boom');
      }
    }
    await using app = await startApp({ providers: [MailTasks], log });

    await app.run('mail:send');

    expect(log.lines.filter((line) => line.includes('boom'))).toHaveLength(1);
  });

  it('lets a filter translate an error', async () => {
    const translate = (error: Error, host: ArgumentsHost): never => {
      throw new SkipRetry(`${host.getType()}: ${error.message}`);
    };
    await using app = await withFilter({ catch: translate });

    const end = await app.run('mail:send');

    expect([end.kind, errorText(end)]).toEqual(['archived', 'asynq: boom']);
  });

  it('logs the error that a filter written for HTTP loses', async () => {
    const log = new RecordingLog();
    const forHttp = (_error: unknown, host: ArgumentsHost): void => {
      host.switchToHttp().getResponse<{ status(code: number): void }>().status(500);
    };
    await using app = await withFilter({ catch: forHttp }, log);

    await app.run('mail:send');

    expect(log.lines.join('\n')).toContain('an exception filter replaced the error of task');
    expect(log.lines.join('\n')).toContain('Error: boom');
  });

  it('calls a filter only for the errors that it catches', async () => {
    const catchError = vi.fn<() => void>();
    @Catch(TypeError)
    class TypeErrors implements ExceptionFilter {
      catch = catchError;
    }
    await using app = await withFilter(new TypeErrors());

    await app.run('mail:send');

    expect(catchError).not.toHaveBeenCalled();
  });

  it('ignores global filters next to local ones', async () => {
    const catchError = vi.fn<() => void>();
    @Catch(TypeError)
    class TypeErrors implements ExceptionFilter {
      catch = (): void => undefined;
    }
    @UseFilters(TypeErrors)
    class MailTasks {
      @TaskHandler('mail:send')
      send(): void {
        throw new Error('boom');
      }
    }
    await using app = await startApp({
      providers: [MailTasks, { provide: APP_FILTER, useValue: { catch: catchError } }],
    });

    await app.run('mail:send');

    expect(catchError).not.toHaveBeenCalled();
  });

  it('runs global filters only when enabled', async () => {
    const catchError = vi.fn<() => void>();
    const providers = [
      handling(() => Promise.reject(new Error('boom'))),
      { provide: APP_FILTER, useValue: { catch: catchError } },
    ];
    await using without = await startApp({ providers });
    await using enabled = await startApp({ providers, asynq: { enhancers: { filters: true } } });

    await without.run('mail:send', { to: 'ann@example.org' });
    expect(catchError).not.toHaveBeenCalled();
    await enabled.run('mail:send', { to: 'ann@example.org' });

    expect(catchError).toHaveBeenCalledOnce();
  });
});
