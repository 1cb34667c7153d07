// Tasks of a user's app, run in memory by every tool of the table in docs/guide/install.md. What runs it is added at the end
// of the file: see sources.ts.
import 'reflect-metadata';
import { Injectable, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { IsString } from 'class-validator';
import { AsynqModule, Ctx, Payload, SkipRetry, TaskDistributor, TaskEvents, TaskHandler } from 'nestjs-asynq';
import type { TaskContext } from 'nestjs-asynq';
import * as core from 'nestjs-asynq/core';
import { FakeClock } from 'nestjs-asynq/testing';

class Guest {
  @IsString()
  name!: string;
}

@Injectable()
class Door {
  readonly said: string[] = [];
}

@Injectable()
class Greeter {
  constructor(private readonly door: Door) {}

  @TaskHandler('guest:greet')
  greet(@Payload() guest: Guest, @Ctx() context: TaskContext): void {
    this.door.said.push(`hello ${guest.name}, a ${guest.constructor === Guest ? 'guest' : 'stranger'}`);
    if (guest.name === 'nobody') throw new core.SkipRetry(`${context.type}: nobody there`);
  }
}

@Module({ providers: [Greeter, Door], exports: [Door] })
class GreetingModule {}

/** What the app says when a guest, an invalid payload and a guest whose task fails for good come. */
export async function greet(): Promise<string[]> {
  const clock = new FakeClock();
  const module = await Test.createTestingModule({
    imports: [GreetingModule, AsynqModule.forRoot({ connection: 'memory', clock })],
  }).compile();
  module.useLogger(false);
  const app = await module.init();
  const { said } = app.get(Door);
  app.get(TaskEvents).subscribe((event) => {
    if (event.kind === 'archived') said.push(`archived: ${(event.error as Error).message.split(': ').at(-1)}`);
  });
  const tasks = app.get(TaskDistributor);
  for (const payload of [{ name: 'Ada' }, { name: 7 }, { name: 'nobody' }]) {
    await tasks.enqueue('guest:greet', payload);
    await clock.advance('1s');
  }
  await app.close();
  return [...said, `one state: ${core.SkipRetry === SkipRetry}`];
}
