import { Controller, Inject, Injectable, Scope } from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import type { TaskEvent } from '@nestjs-asynq/core';
import { beforeEach, describe, expect, expectTypeOf, it } from 'vitest';
import { HandlerSetupError, OnTaskEvent, SkipRetry, TaskHandler } from '../index.js';
import { Moment, RecordingLog, startApp } from '../test-app.fixture.js';

let seen: unknown[] = [];
beforeEach(() => (seen = []));

@Injectable()
class MailTasks {
  @TaskHandler('mail:')
  send(payload: unknown): void {
    if (payload === 'bad') throw new SkipRetry('no such address');
  }
}

describe('@OnTaskEvent', () => {
  it('calls a method with each event of its kinds', async () => {
    @Injectable()
    class Alerts {
      @OnTaskEvent('archived')
      onArchived({ id, error }: Extract<TaskEvent, { kind: 'archived' }>): void {
        seen.push(['archived', id, (error as Error).message, this instanceof Alerts]);
      }

      @OnTaskEvent(['archived', 'succeeded'])
      onEnd({ kind, id }: { kind: string; id: string }): void {
        seen.push([kind, id]);
      }
    }
    await using app = await startApp({ providers: [MailTasks, Alerts] });

    const ends = [await app.run('mail:send', 'good'), await app.run('mail:send', 'bad')];

    const [good, bad] = ends.map(({ id }) => id);
    expect(seen).toEqual([
      ['succeeded', good],
      ['archived', bad, 'no such address', true],
      ['archived', bad],
    ]);
  });

  it('filters by type and queue', async () => {
    class Alerts {
      @OnTaskEvent('succeeded', { type: 'mail:welcome' })
      ofType({ type }: TaskEvent): void {
        seen.push(['type', type]);
      }

      @OnTaskEvent('succeeded', { queue: 'low' })
      ofQueue({ queue }: TaskEvent): void {
        seen.push(['queue', queue]);
      }
    }
    await using app = await startApp({ providers: [MailTasks, Alerts], asynq: { queues: { default: 1, low: 1 } } });

    await app.run('mail:send');
    await app.run('mail:welcome:again');
    await app.run('mail:send', undefined, { queue: 'low' });

    expect(seen).toEqual([
      ['type', 'mail:welcome:again'],
      ['queue', 'low'],
    ]);
  });

  it('logs what a method throws, with its name and the task, and affects nothing else', async () => {
    class Alerts {
      @OnTaskEvent('succeeded')
      fail(): void {
        throw new Error('pager is down');
      }

      @OnTaskEvent('succeeded')
      async failLater(): Promise<void> {
        await Promise.reject(new Error('pager is off'));
      }

      @OnTaskEvent('succeeded')
      hear(): void {
        seen.push('heard');
      }
    }
    const log = new RecordingLog();
    await using app = await startApp({ providers: [MailTasks, Alerts], log });

    const { id, kind } = await app.run('mail:send');
    await app.run('mail:send');

    expect([kind, seen]).toEqual(['succeeded', ['heard', 'heard']]);
    const lines = log.lines.join('\n');
    expect(lines).toContain('Alerts.fail failed for the event "succeeded"');
    expect(lines).toContain('pager is off');
    expect(lines).toContain(id);
  });

  it('builds a request-scoped provider for each event, which is its REQUEST', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Alerts {
      constructor(@Inject(REQUEST) private readonly request: unknown) {}

      @OnTaskEvent('succeeded')
      hear(event: TaskEvent): void {
        seen.push([this.request === event, this]);
        done.resolve();
      }
    }
    const done = new Moment();
    await using app = await startApp({ providers: [MailTasks, Alerts] });

    await app.run('mail:send');
    await done.promise;

    expect(seen).toMatchObject([[true, expect.any(Alerts)]]);
  });

  it('works in a controller, and is inherited', async () => {
    abstract class Base {
      @OnTaskEvent('succeeded')
      hear(): void {
        seen.push(this.constructor.name);
      }
    }
    @Controller()
    class Board extends Base {}
    class Alerts extends Base {
      override hear(): void {
        seen.push('own');
      }
    }
    await using app = await startApp({ providers: [MailTasks, Alerts], controllers: [Board] });

    await app.run('mail:send');

    expect(new Set(seen)).toEqual(new Set(['Board', 'own']));
    expect(seen).toHaveLength(2);
  });

  it('is awaited by the shutdown, before other modules are destroyed', async () => {
    const mayEnd = new Moment();
    class Alerts {
      @OnTaskEvent('succeeded')
      async hear(): Promise<void> {
        await mayEnd.promise;
        seen.push('heard');
      }

      onModuleDestroy(): void {
        seen.push('destroyed');
      }
    }
    const app = await startApp({ providers: [MailTasks, Alerts] });
    await app.run('mail:send');

    const closed = app.context.close();
    setImmediate(() => mayEnd.resolve());
    await closed;

    expect(seen).toEqual(['heard', 'destroyed']);
  });

  it.each([
    [
      'an unknown kind',
      () => OnTaskEvent('done' as 'archived'),
      'Alerts.hear listens to "done", which is no kind of event. Give @OnTaskEvent one of enqueued, started',
    ],
    [
      'an unknown connection',
      () => OnTaskEvent('archived', { connection: 'billing' }),
      'Alerts.hear listens to tasks of connection "billing", which no AsynqModule.forRoot() defines',
    ],
  ])('refuses %s at boot', async (_, decorate, text) => {
    class Alerts {
      hear(): void {}
    }
    const descriptor = Object.getOwnPropertyDescriptor(Alerts.prototype, 'hear')!;
    decorate()(Alerts.prototype, 'hear', descriptor as TypedPropertyDescriptor<() => void>);

    const started = startApp({ providers: [Alerts] });

    await expect(started).rejects.toThrow(HandlerSetupError);
    await expect(started).rejects.toThrow(text);
  });

  it('refuses a static method', () => {
    const decorate = (): unknown => {
      class Alerts {
        @OnTaskEvent('archived')
        static hear(): void {}

        hear(): void {}
      }
      return Alerts;
    };

    expect(decorate).toThrow('@OnTaskEvent is on the static method Alerts.hear');
  });

  it('is checked by the compiler', () => {
    class Alerts {
      @OnTaskEvent('retried')
      retried({ nextProcessAt }: Extract<TaskEvent, { kind: 'retried' }>): void {
        expectTypeOf(nextProcessAt).toEqualTypeOf<Date>();
      }

      // @ts-expect-error an event of this kind has no share
      @OnTaskEvent('archived')
      archived(_event: Extract<TaskEvent, { kind: 'progressed' }>): void {}
    }
    expect(Alerts).toBeDefined();
  });
});
