import { Controller, Injectable, type Provider, Scope } from '@nestjs/common';
import { openBroker } from '@nestjs-asynq/core';
import type { AggregationContext } from '@nestjs-asynq/core/internal';
import { FakeClock } from '@nestjs-asynq/core/testing';
import { expect, it } from 'vitest';
import {
  type AggregatedTask,
  type GroupedTask,
  InvalidOptionsError,
  TaskAggregator,
  type TaskContext,
  TaskHandler,
} from '../index.js';
import { Moment, startApp } from '../test-app.fixture.js';
import { HandlerSetupError } from './handler-setup.error.js';

@Injectable()
class DigestTasks {
  readonly handled = new Moment<unknown>();

  @TaskHandler('digest:send')
  send(payload: unknown): void {
    this.handled.resolve(payload);
  }
}

@Injectable()
class Digests {
  private readonly sender = 'digests';

  @TaskAggregator('digest:*', { gracePeriod: '2s' })
  collect(group: string, tasks: readonly GroupedTask[], { queue }: AggregationContext): AggregatedTask {
    const lines = tasks.map(({ payload }) => payload);
    return { type: 'digest:send', payload: { sender: this.sender, group, queue, lines } };
  }
}

async function bootError(...providers: Provider[]): Promise<string> {
  const failure = await startApp({ providers: [DigestTasks, ...providers] }).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(HandlerSetupError);
  return (failure as HandlerSetupError).message;
}

it('combines a group into one task, which a handler of the app runs', async () => {
  const clock = new FakeClock();
  const connection = openBroker('memory', { clock });
  await using app = await startApp({ providers: [DigestTasks, Digests], asynq: { connection, clock } });

  await app.tasks.enqueue('news:item', 'one', { group: 'digest:ann', taskId: 'a' });
  await app.tasks.enqueue('news:item', 'two', { group: 'digest:ann', taskId: 'b' });
  const waiting = (await connection.queueStats('default'))?.counts.aggregating;
  await clock.advance('3s');

  expect(waiting).toBe(2);
  expect(await app.context.get(DigestTasks).handled.promise).toEqual({
    sender: 'digests',
    group: 'digest:ann',
    queue: 'default',
    lines: ['one', 'two'],
  });
});

it("gives the combined task the module's defaults, under its own options, and not their queue and group", async () => {
  class Limited {
    readonly seen = new Moment<TaskContext>();

    @TaskAggregator('digest:*', { gracePeriod: '2s' })
    collect(): AggregatedTask {
      return { type: 'digest:send', options: { maxRetry: 7 } };
    }

    @TaskHandler('digest:send')
    send(_payload: unknown, context: TaskContext): void {
      this.seen.resolve(context);
    }
  }
  const clock = new FakeClock();
  const connection = openBroker('memory', { clock });
  const defaults = { maxRetry: 3, headers: { tenant: 'a' }, queue: 'other', group: 'digest:all' } as const;
  await using app = await startApp({
    providers: [Limited],
    asynq: { connection, clock, defaults, queues: { news: 1 } },
  });

  await app.tasks.enqueue('news:item', 'one', { queue: 'news' });
  await clock.advance('3s');

  expect(await app.context.get(Limited).seen.promise).toMatchObject({
    queue: 'news',
    maxRetry: 7,
    headers: { tenant: 'a' },
  });
});

it('prefers the limits of the method to those of the module', async () => {
  const clock = new FakeClock();
  const connection = openBroker('memory', { clock });
  const groupAggregator = { gracePeriod: '1h', groups: { 'digest:*': { gracePeriod: '30m', maxSize: 1 } } } as const;
  await using app = await startApp({
    providers: [DigestTasks, Digests],
    asynq: { connection, clock, groupAggregator },
  });

  await app.tasks.enqueue('news:item', 'one', { group: 'digest:ann' });
  await clock.advance('3s');

  expect(await app.context.get(DigestTasks).handled.promise).toMatchObject({ lines: ['one'] });
});

it('names both methods when two aggregate the same groups', async () => {
  @Injectable()
  class Others {
    @TaskAggregator('digest:*')
    gather(): AggregatedTask {
      return { type: 'digest:send' };
    }
  }

  expect(await bootError(Digests, Others)).toBe(
    'AsynqModule: duplicate aggregator for groups "digest:*":\n' +
      '  Digests.collect   (module RootTestModule)\n' +
      '  Others.gather   (module RootTestModule)\n' +
      'A group is aggregated by one method: remove one of them, or give them different groups.',
  );
});

it('refuses a provider that is built for each request', async () => {
  @Injectable({ scope: Scope.REQUEST })
  class PerRequest extends Digests {}

  expect(await bootError(PerRequest)).toContain(
    'PerRequest.collect aggregates groups in a provider that is not a singleton',
  );
});

it('refuses an aggregator in a controller: its groups would wait for ever', async () => {
  @Controller()
  class Pages {
    @TaskAggregator('digest:*')
    gather(): AggregatedTask {
      return { type: 'digest:send' };
    }
  }

  const booting = startApp({ providers: [DigestTasks], controllers: [Pages] });

  await expect(booting).rejects.toThrow('Pages.gather has a @TaskAggregator in a controller. Move it to a class in');
});

it('refuses an undefined connection', async () => {
  @Injectable()
  class Elsewhere {
    @TaskAggregator('a', { connection: 'billing' })
    gather(): AggregatedTask {
      return { type: 'digest:send' };
    }
  }

  expect(await bootError(Elsewhere)).toContain('Elsewhere.gather aggregates groups of connection "billing"');
});

it('refuses an aggregator in an app without handlers, whose server would not run', async () => {
  await expect(startApp({ providers: [Digests] })).rejects.toThrow('has no @TaskHandler, so that no server runs');
  await using producer = await startApp({ providers: [Digests], asynq: { worker: false } });
  await expect(producer.tasks.enqueue('news:item', 'one', { group: 'digest:ann' })).resolves.toBeDefined();
});

it('refuses wrong limits at boot', async () => {
  @Injectable()
  class Hasty {
    @TaskAggregator('a', { gracePeriod: '10ms' })
    gather(): AggregatedTask {
      return { type: 'digest:send' };
    }
  }

  const failure: unknown = await startApp({ providers: [DigestTasks, Hasty] }).catch((error: unknown) => error);

  expect(failure).toBeInstanceOf(InvalidOptionsError);
  const options = (failure as InvalidOptionsError).problems.map(({ option }) => option);
  expect(options).toEqual(['groupAggregator.groups.a.gracePeriod']);
});

it('refuses a static method', () => {
  expect(() => {
    class Wrong {
      @TaskAggregator('a')
      static gather(): AggregatedTask {
        return { type: 'digest:send' };
      }
      readonly isHere = true;
    }
    return Wrong;
  }).toThrow('static methods cannot aggregate tasks');
});
