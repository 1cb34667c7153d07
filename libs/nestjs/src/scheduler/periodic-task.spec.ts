import { Controller, Injectable, type Provider } from '@nestjs/common';
import type { PeriodicTaskConfig, ScheduleInfo, TaskEvent } from '@nestjs-asynq/core';
import { FakeClock } from '@nestjs-asynq/core/testing';
import { describe, expect, it } from 'vitest';
import {
  type AsynqModuleOptions,
  Ctx,
  HandlerSetupError,
  Payload,
  PeriodicTask,
  type TaskContext,
  TaskHandler,
  TaskInspector,
  TaskScheduler,
} from '../index.js';
import { RecordingLog, startApp } from '../test-app.fixture.js';

@Injectable()
class ReportTasks {
  readonly ran: string[] = [];

  @PeriodicTask('@every 30s', { type: 'report:rotate' })
  rotate(_payload: unknown, context: TaskContext): void {
    this.ran.push(context.type);
  }

  @TaskHandler('report:build')
  build(@Payload('kind') kind: string, @Ctx() { queue }: TaskContext): void {
    this.ran.push(`${kind} in ${queue}`);
  }
}

@PeriodicTask('*/2 * * * *', 'report:build', { kind: 'long' }, { queue: 'low' })
@PeriodicTask('@every 1m', 'report:build', { kind: 'short' })
@Injectable()
class Plan {}

/** A full minute. */
const START_MS = 4_102_438_440_000;

async function start(providers: Provider[], asynq: Partial<AsynqModuleOptions> = {}) {
  const clock = new FakeClock(START_MS);
  const app = await startApp({ providers, asynq: { clock, queues: { default: 1, low: 1 }, ...asynq } });
  const enqueued: TaskEvent[] = [];
  app.events.subscribe((event) => event.kind === 'enqueued' && enqueued.push(event));
  return { app, clock, enqueued, scheduler: app.context.get(TaskScheduler) };
}

async function bootError(providers: Provider[], controllers: (new () => object)[] = []): Promise<unknown> {
  return startApp({ providers, controllers }).catch((error: unknown) => error);
}

describe('@PeriodicTask', () => {
  it('makes a method its own handler', async () => {
    const { app, clock, scheduler } = await start([ReportTasks]);

    await clock.advance('65s');

    expect(app.context.get(ReportTasks).ran).toEqual(['report:rotate', 'report:rotate']);
    expect(scheduler.entries()).toMatchObject([{ name: 'report:rotate', type: 'report:rotate' }]);
    await app[Symbol.asyncDispose]();
  });

  it('stores the schedule of a method under a name that includes the type', async () => {
    @Injectable()
    class MailTasks {
      @PeriodicTask('@daily', { name: 'nightly', type: 'mail:clean' })
      clean(): void {}

      @PeriodicTask('@daily', { name: 'nightly', type: 'mail:count' })
      count(): void {}
    }

    const { app, scheduler } = await start([MailTasks]);

    expect(scheduler.entries().map(({ name }) => name)).toEqual(['mail:clean:nightly', 'mail:count:nightly']);
    await app[Symbol.asyncDispose]();
  });

  it('on a class, enqueues tasks that are handled anywhere', async () => {
    const { app, clock } = await start([ReportTasks, Plan]);

    await clock.advance('125s');

    const ran = app.context.get(ReportTasks).ran.filter((line) => line !== 'report:rotate');
    expect(ran.sort()).toEqual(['long in low', 'short in default', 'short in default']);
    await app[Symbol.asyncDispose]();
  });

  it('is registered once when its class is provided twice, and not again for a subclass', async () => {
    @Injectable()
    class Derived extends Plan {}

    const { app, scheduler } = await start([Plan, { provide: 'plan', useClass: Plan }, Derived]);

    expect(scheduler.entries()).toHaveLength(2);
    await app[Symbol.asyncDispose]();
  });

  it('fails the boot with class, method, reason and fix', async () => {
    @Injectable()
    class WrongTasks {
      @PeriodicTask('0 0 * * 7', { type: 'sunday' })
      sunday(): void {}
    }

    const failure = await bootError([WrongTasks]);

    expect(failure).toBeInstanceOf(HandlerSetupError);
    expect((failure as Error).message).toBe(
      'AsynqModule: WrongTasks.sunday: cron spec "0 0 * * 7": day of week 7 is not between 0 and 6. ' +
        'Fix the @PeriodicTask("0 0 * * 7").',
    );
  });

  it('demands a task type, since a minifier may change the names of classes', () => {
    const decorate = PeriodicTask('@every 30s', {} as never);

    expect(() => decorate(Plan.prototype, 'buildAll', { value: () => undefined })).toThrow(
      '@PeriodicTask("@every 30s") on Plan.buildAll needs a task type that stays when classes are renamed or minified, ' +
        "such as { type: 'plan:build-all' }",
    );
  });

  it('fails the boot for two methods of one task type', async () => {
    @Injectable()
    class Others {
      @PeriodicTask('@every 1h', { type: 'report:rotate' })
      rotate(): void {}
    }

    const failure = await bootError([ReportTasks, Others]);

    expect((failure as Error).message).toContain('A task runs one handler: remove one of them');
  });

  it('fails the boot for an undefined connection', async () => {
    @PeriodicTask('@daily', 'a', 1, { connection: 'biling' })
    class Billing {}

    const failure = await bootError([Billing]);

    expect((failure as Error).message).toContain('Billing has a periodic task for connection "biling"');
  });

  it('fails the boot on a controller', async () => {
    @PeriodicTask('@daily', 'a')
    @Controller()
    class Pages {}

    const failure = await bootError([], [Pages]);

    expect((failure as Error).message).toContain('Pages has a @PeriodicTask in a controller');
  });

  it('on a class, requires a task type', () => {
    const decorate = PeriodicTask('@daily', undefined as never) as unknown as ClassDecorator;

    expect(() => decorate(Plan)).toThrow('on the class Plan needs a task type');
  });
});

describe('the scheduler of an app', () => {
  it('takes more periodic tasks from a provider', async () => {
    const periodicTasks = (): PeriodicTaskConfig[] => [{ spec: '@every 10s', type: 'from:provider' }];
    const { app, clock, enqueued } = await start([], { scheduler: { provider: { periodicTasks } } });

    await clock.advance('25s');

    expect(enqueued.map(({ type }) => type)).toEqual(['from:provider', 'from:provider']);
    await app[Symbol.asyncDispose]();
  });

  it('uses the time zone of its options', async () => {
    const { app, scheduler } = await start([Plan], { scheduler: { zone: 'Asia/Tokyo' } });

    expect(scheduler.entries()[0]!.spec).toBe('CRON_TZ=Asia/Tokyo */2 * * * *');
    await app[Symbol.asyncDispose]();
  });

  it('does not fire when it is switched off, and still runs tasks on demand', async () => {
    const { app, clock, enqueued, scheduler } = await start([Plan], { scheduler: false });

    await clock.advance('5m');
    await scheduler.runNow(scheduler.entries()[0]!.name);

    expect(scheduler.state).toBe('new');
    expect(enqueued).toMatchObject([{ type: 'report:build', queue: 'low' }]);
    await app[Symbol.asyncDispose]();
  });

  it('follows changes that the inspector makes to its schedules', async () => {
    const { app, clock, enqueued, scheduler } = await start([Plan]);
    const inspector = app.context.get(TaskInspector);
    await clock.advance('1s');
    const [{ queue, name, entryIds }] = (await inspector.schedules('low')) as [ScheduleInfo];

    await inspector.pauseSchedule(queue, name);
    await inspector.runSchedule(queue, name);
    await clock.advance('4m');

    const planned = scheduler.entries().find((entry) => entry.name === name)!;
    expect(planned).toMatchObject({ isPaused: true, id: entryIds[0] });
    expect(enqueued.filter((event) => event.queue === 'low')).toEqual([]);
    expect(await inspector.schedulerEvents(planned.id)).toHaveLength(1);
    await app[Symbol.asyncDispose]();
  });

  it('stops with the app', async () => {
    const { app, scheduler } = await start([Plan]);
    const whileUp = scheduler.state;

    await app[Symbol.asyncDispose]();

    expect([whileUp, scheduler.state]).toEqual(['active', 'closed']);
  });

  it('refuses an unknown option', async () => {
    const asynq = { scheduler: { zonne: 'UTC' } } as never;

    await expect(startApp({ asynq, log: new RecordingLog() })).rejects.toThrow('did you mean "zone"?');
  });
});
