import { type EnqueuedTask, openBroker } from '@nestjs-asynq/core';
import { IsDateString, IsEmail } from 'class-validator';
import { describe, expect, expectTypeOf, it, vi } from 'vitest';
import { Ctx, InvalidPayloadError, Payload, type TaskContext, TaskHandler } from '../index.js';
import { startApp, type TestApp } from '../test-app.fixture.js';
import type { TaskDistributor } from './task-distributor.service.js';
import type { PayloadOf } from './task-payloads.js';

class Invitation {
  @IsEmail()
  to!: string;

  @IsDateString()
  until!: string | Date;
}

declare module './task-payloads.js' {
  interface TaskPayloads {
    'spec:invite': Invitation;
    'spec:tick': undefined;
  }
}

class InvitationTasks {
  @TaskHandler('spec:invite')
  invite(@Payload() _invitation: Invitation): void {}
}

class SumTasks {
  @TaskHandler('spec:sum')
  sum(@Payload() numbers: number[], @Ctx() task: TaskContext): number {
    task.progress(0.5);
    return numbers.reduce((sum, one) => sum + one, 0);
  }
}

const good = { to: 'ann@example.org', until: new Date(0) };
const bad = { to: 'nowhere', until: new Date(0) };

describe('enqueue', () => {
  it('returns the task as it was stored', async () => {
    await using app = await startApp({});

    const task = await app.tasks.enqueue('report', { day: 1 }, { taskId: 'r-1', queue: 'low', processIn: '1h' });

    expect(task).toMatchObject({ id: 'r-1', type: 'report', queue: 'low', initialState: 'scheduled' });
  });

  it("fills in the module's defaults", async () => {
    await using app = await startApp({ asynq: { defaults: { queue: 'low', maxRetry: 3 } } });

    const [low, high] = [await app.tasks.enqueue('a'), await app.tasks.enqueue('a', 1, { queue: 'high' })];

    expect([low.queue, high.queue]).toEqual(['low', 'high']);
  });

  it('lets the caller wait for the result of the handler', async () => {
    await using app = await startApp({ providers: [SumTasks] });

    const task = await app.tasks.enqueue('spec:sum', [1, 2, 3], { retention: '1m' });

    expect(await task.result<number>({ timeout: '10s' })).toBe(6);
  });

  it('announces the task to TaskEvents', async () => {
    await using app = await startApp({});
    const ids: string[] = [];
    app.events.of('enqueued').subscribe(({ id }) => ids.push(id));

    const { id } = await app.tasks.enqueue('report');

    expect(ids).toEqual([id]);
  });
});

describe('enqueueMany', () => {
  it('returns a result for each task in the order given', async () => {
    await using app = await startApp({});

    const results = await app.tasks.enqueueMany([
      { type: 'a', options: { taskId: 'same' } },
      { type: 'b', payload: 1, options: { taskId: 'same' } },
      { type: 'c' },
    ]);

    expect(results.map(({ task, error }) => task?.type ?? error?.name)).toEqual(['a', 'TaskIdConflictError', 'c']);
  });
});

describe('validateOnEnqueue', () => {
  const startValidating = (): Promise<TestApp> =>
    startApp({ providers: [InvitationTasks], asynq: { validateOnEnqueue: true, worker: false } });

  it('refuses a payload that the handler would refuse, and writes nothing', async () => {
    const broker = openBroker('memory');
    await using app = await startApp({
      providers: [InvitationTasks],
      asynq: { validateOnEnqueue: true, connection: broker },
    });

    const failure = await app.tasks.enqueue('spec:invite', bad).catch((error: unknown) => error);

    expect(failure).toBeInstanceOf(InvalidPayloadError);
    expect(failure).toMatchObject({
      code: 'INVALID_PAYLOAD',
      messages: ['to must be an email'],
      message: 'invalid payload for task type "spec:invite": to must be an email',
    });
    expect(await broker.listSize('default', { state: 'pending' })).toBe(0);
  });

  it('validates the payload as the handler will receive it: a Date arrives as text', async () => {
    await using app = await startValidating();

    expect(await app.tasks.enqueue('spec:invite', good)).toMatchObject({ initialState: 'pending' });
  });

  it('refuses the promises of an async codec, and drops what they reject with', async () => {
    const unhandled = vi.fn<(error: unknown) => void>();
    process.on('unhandledRejection', unhandled);
    const answer = (): never => Promise.reject(new Error('no')) as never;
    const asynq = { validateOnEnqueue: true, worker: false, codec: { encode: answer, decode: answer } };
    await using app = await startApp({ providers: [InvitationTasks], asynq });

    const failure = await app.tasks.enqueue('spec:invite', good).catch((error: unknown) => error);
    await new Promise(setImmediate);
    process.off('unhandledRejection', unhandled);

    expect(String(failure)).toContain('codec.encode returned a promise, not a Uint8Array');
    expect(unhandled).not.toHaveBeenCalled();
  });

  it('lets a type pass that has no handler here', async () => {
    await using app = await startValidating();

    expect(await app.tasks.enqueue('elsewhere', { any: 'thing' })).toMatchObject({ initialState: 'pending' });
  });

  it('uses the handler that would run the task: the one with the longest pattern', async () => {
    class Tasks {
      @TaskHandler('mail:')
      any(): void {}

      @TaskHandler('mail:invite:')
      invite(@Payload() _invitation: Invitation): void {}
    }
    await using app = await startApp({ providers: [Tasks], asynq: { validateOnEnqueue: true } });

    expect(await app.tasks.enqueue('mail:other', bad)).toMatchObject({ initialState: 'pending' });
    await expect(app.tasks.enqueue('mail:invite:now', bad)).rejects.toThrow(InvalidPayloadError);
  });

  it('reports the invalid ones of many in their place, and writes only the others', async () => {
    const broker = openBroker('memory');
    await using app = await startApp({
      providers: [InvitationTasks],
      asynq: { validateOnEnqueue: true, worker: false, connection: broker },
    });

    const results = await app.tasks.enqueueMany([
      { type: 'spec:invite', payload: bad },
      { type: 'spec:invite', payload: good },
      { type: 'spec:invite', payload: bad },
    ]);

    expect(results.map(({ task, error }) => task?.initialState ?? error?.name)).toEqual([
      'InvalidPayloadError',
      'pending',
      'InvalidPayloadError',
    ]);
    expect((await broker.queueStats('default'))?.counts.pending).toBe(1);
  });

  it('is off by default', async () => {
    await using app = await startApp({ providers: [InvitationTasks], asynq: { worker: false } });

    expect(await app.tasks.enqueue('spec:invite', bad)).toMatchObject({ initialState: 'pending' });
  });
});

// Never runs; compiling it is the test.
export function typesOfTaskPayloads(tasks: TaskDistributor): void {
  expectTypeOf(tasks.enqueue('spec:invite', good)).toEqualTypeOf<Promise<EnqueuedTask>>();
  expectTypeOf<PayloadOf<'spec:invite'>>().toEqualTypeOf<Invitation>();
  expectTypeOf<PayloadOf<'unlisted'>>().toEqualTypeOf<unknown>();

  void tasks.enqueue('spec:tick');
  void tasks.enqueue('spec:tick', undefined, { queue: 'low' });
  void tasks.enqueue('unlisted');
  void tasks.enqueue('unlisted', { any: 'thing' });
  const computed: string = 'un'.concat('listed');
  void tasks.enqueue(computed, 7);
  // @ts-expect-error a listed payload is needed
  void tasks.enqueue('spec:invite');
  // @ts-expect-error a property is missing
  void tasks.enqueue('spec:invite', { to: 'ann@example.org' });
  // @ts-expect-error there is no payload
  void tasks.enqueue('spec:tick', 1);
  // @ts-expect-error no such option
  void tasks.enqueue('unlisted', 1, { proccessIn: 1 });

  void tasks.enqueueMany([
    { type: 'spec:invite', payload: good },
    { type: 'spec:tick' },
    { type: 'unlisted', payload: 1 },
  ]);
  void tasks.enqueueMany(['a', 'b'].map((type) => ({ type, payload: 1 })));
  // @ts-expect-error the second payload is wrong
  void tasks.enqueueMany([{ type: 'spec:tick' }, { type: 'spec:invite', payload: { to: 1 } }]);
  // @ts-expect-error a listed payload is needed
  void tasks.enqueueMany([{ type: 'spec:invite' }]);
}
