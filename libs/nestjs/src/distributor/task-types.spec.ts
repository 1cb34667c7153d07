import { of } from 'rxjs';
import { type EnqueuedTask } from '@nestjs-asynq/core';
import { expect, expectTypeOf, it } from 'vitest';
// Imported like any class, as decorators need it under `isolatedModules`.
import { Ctx, Payload, Signal, TaskContext, TaskDistributor, TaskHandler, TaskId, TaskInspector } from '../index.js';
import { startApp } from '../test-app.fixture.js';
import type { EnqueueOptions, QueueName, ResultOf, TaskWithResult } from './task-payloads.js';

class Sum {
  numbers!: number[];
  base?: number;
}

declare module './task-payloads.js' {
  interface TaskPayloads {
    'types:sum': Sum;
    'types:tick': undefined;
  }
  interface TaskResults {
    'types:sum': { total: number };
  }
}

class SumTasks {
  @TaskHandler('types:sum')
  sum(@Ctx() task: TaskContext, @Payload() { numbers }: Sum): { total: number } {
    seen.push(task instanceof TaskContext);
    return { total: numbers.reduce((sum, one) => sum + one, 0) };
  }
}
const seen: unknown[] = [];

it('gives results and payloads decoded, beside their bytes', async () => {
  await using app = await startApp({ providers: [SumTasks] });

  const task = await app.tasks.enqueue('types:sum', { numbers: [1, 2] }, { retention: '1m' });
  const { total } = await task.result({ timeout: '10s' });
  const end = await task.wait({ timeout: '10s' });
  const info = await app.context.get(TaskInspector).taskInfo('default', task.id);

  expect(total).toBe(3);
  expect(end).toEqual({ state: 'completed', result: new Uint8Array(Buffer.from('{"total":3}')) });
  expect(end.state === 'completed' && end.resultValue).toEqual({ total: 3 });
  expect([info.payloadValue, info.resultValue]).toEqual([{ numbers: [1, 2] }, { total: 3 }]);
  expect(Buffer.from(info.payload).toString()).toBe('{"numbers":[1,2]}');
  expect(JSON.stringify(info)).not.toContain('payloadValue');
});

it('passes handlers an instance of TaskContext, whose class is what decorators record', () => {
  const types = Reflect.getMetadata('design:paramtypes', SumTasks.prototype, 'sum') as unknown[];

  expect(types).toEqual([TaskContext, Sum]);
  expect(seen).toEqual([true]);
});

// The rest never runs; compiling it is the test.

export function typesOfResults(tasks: TaskDistributor): void {
  expectTypeOf(tasks.enqueue('types:sum', { numbers: [] })).toEqualTypeOf<Promise<TaskWithResult<{ total: number }>>>();
  expectTypeOf(tasks.enqueue('types:tick')).toEqualTypeOf<Promise<EnqueuedTask>>();
  expectTypeOf<ResultOf<'unlisted'>>().toEqualTypeOf<unknown>();
  expectTypeOf<QueueName>().toEqualTypeOf<string>();
  expectTypeOf<NonNullable<EnqueueOptions['queue']>>().toEqualTypeOf<string>();
}

export function typesOfMany(tasks: TaskDistributor, ids: string[]): void {
  void tasks.enqueueMany(ids.map((id) => ({ type: 'types:sum', payload: { numbers: [id.length] } })));
  void tasks.enqueueMany(ids.map((id) => ({ type: 'unlisted', payload: { id } })));
  void tasks.enqueueMany(ids.map(() => ({ type: 'types:tick' })));
  // @ts-expect-error the payload of a listed type is wrong
  void tasks.enqueueMany(ids.map((id) => ({ type: 'types:sum', payload: { numbers: id } })));
  // @ts-expect-error a listed payload is needed
  void tasks.enqueueMany(ids.map(() => ({ type: 'types:sum' })));
  // @ts-expect-error no such option
  void tasks.enqueueMany(ids.map(() => ({ type: 'types:tick', options: { proccessIn: 1 } })));
}

const anyType: string = 'types:sum';

export class GoodHandlers {
  @TaskHandler('types:sum')
  all(_payload: Sum, _task: TaskContext): { total: number } {
    return { total: 0 };
  }

  @TaskHandler('types:sum')
  async decorated(@TaskId() _id: string, @Signal() _signal: AbortSignal, @Payload() _payload: Sum): Promise<void> {}

  @TaskHandler('types:sum')
  wider(_payload: { readonly numbers: readonly number[] }) {
    return of({ total: 1 });
  }

  @TaskHandler('types:sum')
  anything(_payload: unknown): void {}

  @TaskHandler('types:sum')
  nothing(): void {}

  @TaskHandler('types:sum')
  contextOnly(@Ctx() _task: TaskContext): void {}

  @TaskHandler('types:sum')
  property(@Payload('numbers') _numbers: number[]): void {}

  @TaskHandler('types:tick')
  tick(_payload: undefined, _task: TaskContext): void {}

  @TaskHandler('types:unlisted')
  unlisted(_payload: { any: string }): { thing: number } {
    return { thing: 1 };
  }

  @TaskHandler(anyType)
  unchecked(_tenant: { readonly tenant: symbol }): void {}
}

export class BadHandlers {
  // @ts-expect-error another payload
  @TaskHandler('types:sum')
  other(_payload: { readonly to: string }): void {}

  // @ts-expect-error a property of the wrong type
  @TaskHandler('types:sum')
  property(@Payload('numbers') _numbers: Date): void {}

  // @ts-expect-error another payload beside the context
  @TaskHandler('types:sum')
  beside(@Payload() _payload: { readonly to: string }, @Ctx() _task: TaskContext): void {}

  // @ts-expect-error there is no payload
  @TaskHandler('types:tick')
  tick(_payload: { readonly to: string }): void {}

  // @ts-expect-error another result
  @TaskHandler('types:sum')
  async result(_payload: Sum): Promise<{ readonly sum: number }> {
    return { sum: 1 };
  }
}
