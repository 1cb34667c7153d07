// A user's whole app, compiled as ESM and as CommonJS against the packed packages: see packages.e2e-spec.ts.
import 'reflect-metadata';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AsynqModule, Ctx, jsonCodec, Payload, TaskDistributor, TaskHandler, type TaskContext } from 'nestjs-asynq';
import { FakeClock } from 'nestjs-asynq/testing';

interface Guest {
  readonly name: string;
}

const clock = new FakeClock();
let announce: (greeting: string) => void;
const greeting = new Promise<string>((resolve) => (announce = resolve));

@Injectable()
class Greeter {
  @TaskHandler('guest:greet')
  greet(@Payload() guest: Guest, @Ctx() context: TaskContext): void {
    const onTheWire = jsonCodec.decode(context.payloadBytes) as Guest;
    announce(`hello ${guest.name}, ${onTheWire.name} on the wire`);
  }
}

@Injectable()
class Door {
  constructor(private readonly tasks: TaskDistributor) {}

  async open(guest: Guest): Promise<void> {
    await this.tasks.enqueue('guest:greet', guest);
  }
}

@Module({ imports: [AsynqModule.forRoot({ connection: 'memory', clock })], providers: [Greeter, Door] })
class AppModule {}

async function main(): Promise<void> {
  const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error', 'warn'] });
  await app.get(Door).open({ name: 'Ada' });
  await clock.advance('1s');
  console.log(await greeting);
  await app.close();
}

void main();
