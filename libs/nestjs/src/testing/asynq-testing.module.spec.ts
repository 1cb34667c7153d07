import { setTimeout as pause } from 'node:timers/promises';
import { Injectable, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { afterEach, describe, expect, it } from 'vitest';
import {
  AsynqModule,
  Ctx,
  InjectTaskDistributor,
  PeriodicTask,
  TaskDistributor,
  TaskHandler,
  type TaskContext,
  TaskServer,
} from '../index.js';
import { RecordingLog } from '../test-app.fixture.js';
import {
  assertEnqueued,
  AsynqTestingModule,
  type AsynqTestingOptions,
  getTestQueuesToken,
  RecordingTaskDistributor,
  TestQueues,
} from './index.js';

@Injectable()
class Tasks {
  readonly ran: string[] = [];

  constructor(private readonly tasks: TaskDistributor) {}

  @TaskHandler('first')
  async first(payload: unknown) {
    this.ran.push(`first ${JSON.stringify(payload)}`);
    await this.tasks.enqueue('second');
    return 'done';
  }

  @TaskHandler('second')
  async second() {
    await pause(1);
    this.ran.push('second');
  }

  @TaskHandler('broken')
  broken() {
    throw new Error('it is broken');
  }

  @PeriodicTask('@every 6h', { type: 'jobs:tick' })
  tick() {
    this.ran.push('tick');
  }
}

const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const app of open.splice(0)) await app.close();
});

async function start(options: AsynqTestingOptions = {}) {
  const module = await Test.createTestingModule({
    imports: [AsynqTestingModule.forRoot(options)],
    providers: [Tasks],
  })
    .setLogger(new RecordingLog())
    .compile();
  open.push(module);
  await module.init();
  return {
    app: module,
    tasks: module.get(TaskDistributor),
    queues: module.get(TestQueues),
    ran: module.get(Tasks).ran,
  };
}

describe('AsynqTestingModule', () => {
  it('runs tasks, and what follows from them, and periodic ones as time passes', async () => {
    const { tasks, queues, ran } = await start();
    await tasks.enqueue('first', 1);

    expect(await queues.drain()).toMatchObject({ succeeded: 2 });
    expect(ran).toEqual(['first 1', 'second']);
    await queues.advance('1d');

    expect(ran.slice(2)).toEqual(['tick', 'tick', 'tick', 'tick']);
    assertEnqueued(queues, 'second', { times: 1 });
  });

  it('fails a drain with the error of a handler', async () => {
    const { tasks, queues } = await start();
    await tasks.enqueue('broken');

    await expect(queues.drain()).rejects.toThrow('it is broken');
  });

  it('gives each app queues of its own, and shares those that are passed in', async () => {
    const testQueues = new TestQueues();
    const [producer, worker, other] = [
      await start({ testQueues, worker: false }),
      await start({ testQueues }),
      await start(),
    ];

    await producer.tasks.enqueue('second');
    await testQueues.drain();

    expect([producer.ran, worker.ran, other.ran]).toEqual([[], ['second'], []]);
    expect(other.queues.enqueued).toEqual([]);
  });

  it('serves a named connection beside the default one', async () => {
    @Injectable()
    class Billing {
      constructor(@InjectTaskDistributor('billing') readonly tasks: TaskDistributor) {}

      @TaskHandler('bill', { connection: 'billing' })
      bill() {
        throw new Error('billed');
      }
    }
    const module = await Test.createTestingModule({
      imports: [AsynqTestingModule.forRoot({ name: 'billing' }), AsynqTestingModule.forRoot()],
      providers: [Billing],
    }).compile();
    open.push(module);
    await module.init();
    const queues = module.get<TestQueues>(getTestQueuesToken('billing'));

    await module.get(Billing).tasks.enqueue('bill');

    await expect(queues.drain()).rejects.toThrow('billed');
    expect(module.get(TestQueues).enqueued).toEqual([]);
  });

  it('refuses a mode and a name that it does not know', () => {
    expect(() => AsynqTestingModule.forRoot({ mode: 'fake' } as object)).toThrow(`"mode"`);
    expect(() => AsynqTestingModule.forRoot({ name: ' ' })).toThrow('name');
  });
});

describe("the mode 'record'", () => {
  it('runs nothing, and remembers', async () => {
    const { app, tasks, queues, ran } = await start({ mode: 'record', defaults: { queue: 'low' } });

    const task = await tasks.enqueue('first', 1);
    await queues.advance('1d');

    expect(tasks).toBeInstanceOf(RecordingTaskDistributor);
    expect(task).toMatchObject({ type: 'first', queue: 'low', initialState: 'pending' });
    expect(app.get(TaskServer).state).toBe('off');
    expect(ran).toEqual([]);
    assertEnqueued(queues, 'first', { payload: 1, queue: 'low', times: 1 });
  });
});

describe("the mode 'inline'", () => {
  it('runs each task within enqueue, and those that follow too', async () => {
    const { tasks, ran } = await start({ mode: 'inline' });

    const task = await tasks.enqueue('first', 1, { processIn: '1h', retention: '1h' });

    expect(ran).toEqual(['first 1', 'second']);
    expect(await task.result()).toBe('done');
    expect(await task.state()).toBe('completed');
  });

  it('has no result where production has none', async () => {
    const { tasks } = await start({ mode: 'inline' });

    const task = await tasks.enqueue('first');

    expect([await task.state(), await task.wait(), await task.result()]).toEqual([
      undefined,
      { state: 'deleted' },
      undefined,
    ]);
  });

  it('throws what the handler throws, and reports it per task', async () => {
    const { tasks, queues, ran } = await start({ mode: 'inline' });

    await expect(tasks.enqueue('broken')).rejects.toThrow('it is broken');
    const results = await tasks.enqueueMany([{ type: 'broken' }, { type: 'second' }]);

    expect(results).toMatchObject([{ error: { message: 'it is broken' } }, { task: { type: 'second' } }]);
    expect(ran).toEqual(['second']);
    assertEnqueued(queues, 'broken', { times: 2 });
  });

  it('says that a type has no handler', async () => {
    const { tasks } = await start({ mode: 'inline' });

    await expect(tasks.enqueue('unknown')).rejects.toThrow('handler not found for task "unknown"');
  });
});

describe('AsynqTestingModule.override', () => {
  const seen: unknown[] = [];

  @Injectable()
  class Seeing {
    @TaskHandler('see')
    see(@Ctx() { queue, maxRetry }: TaskContext) {
      seen.push({ queue, maxRetry });
      throw new Error('seen');
    }
  }

  @Module({
    imports: [
      AsynqModule.forRootAsync({
        useFactory: () => ({
          connection: { url: 'redis://127.0.0.1:1' },
          queues: { low: 1 },
          defaults: { queue: 'low', maxRetry: 3 },
        }),
      }),
    ],
    providers: [Seeing],
  })
  class AppModule {}

  it('puts test queues under an app, whose other options stay', async () => {
    const testQueues = new TestQueues();
    const builder = Test.createTestingModule({ imports: [AppModule] });
    const module = await AsynqTestingModule.override(builder, { testQueues }).compile();
    open.push(module);
    await module.init();

    await module.get(TaskDistributor).enqueue('see');

    await expect(testQueues.drain()).rejects.toThrow('seen');
    expect(seen).toEqual([{ queue: 'low', maxRetry: 3 }]);
  });

  it('records instead, if told to', async () => {
    const testQueues = new TestQueues();
    const builder = Test.createTestingModule({ imports: [AppModule] });
    const module = await AsynqTestingModule.override(builder, { testQueues, mode: 'record' }).compile();
    open.push(module);
    await module.init();

    await module.get(TaskDistributor).enqueue('see');

    expect(testQueues.enqueued).toMatchObject([{ type: 'see', queue: 'low' }]);
  });
});
