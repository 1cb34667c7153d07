// A user's whole app, compiled as ESM and as CommonJS against the packed packages: see packages.e2e-spec.ts.
import 'reflect-metadata';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Ctx, AsynqModule, Payload, TaskDistributor, TaskHandler } from 'nestjs-asynq';
import { jsonCodec, type TaskContext } from '@nestjs-asynq/core';

interface Guest {
  readonly name: string;
}

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

@Module({ imports: [AsynqModule.forRoot({ connection: 'memory' })], providers: [Greeter, Door] })
class AppModule {}

async function main(): Promise<void> {
  const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error', 'warn'] });
  await app.get(Door).open({ name: 'Ada' });
  console.log(await greeting);
  await app.close();
}

void main();
