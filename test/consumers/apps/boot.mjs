// A user's app as a compiler without decorator metadata makes it: see test/e2e/packages.e2e-spec.ts. Prints the warnings of its boot.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AsynqModule, Payload, TaskHandler } from 'nestjs-asynq';

class Tasks {
  greet(_payload) {}
}
Payload()(Tasks.prototype, 'greet', 0);
TaskHandler('guest:greet')(Tasks.prototype, 'greet', Object.getOwnPropertyDescriptor(Tasks.prototype, 'greet'));

class AppModule {}
Module({ imports: [AsynqModule.forRoot({ connection: 'memory', worker: true })], providers: [Tasks] })(AppModule);

const warnings = [];
const ignore = () => undefined;
const logger = { log: ignore, error: ignore, debug: ignore, warn: (message) => warnings.push(message) };
const app = await NestFactory.createApplicationContext(AppModule, { logger });
await app.close();
console.log(JSON.stringify(warnings));
