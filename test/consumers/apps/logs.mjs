// A user's worker whose task fails, once for each logger: see test/e2e/packages.e2e-spec.ts. Prints what each has written about it. In plain
// JavaScript, as a compiler without decorator metadata makes it.
import 'reflect-metadata';
import { PassThrough } from 'node:stream';
import { ConsoleLogger, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WinstonModule } from 'nest-winston';
import { AsynqModule, TaskDistributor, TaskEvents, TaskHandler } from 'nestjs-asynq';
import { Logger as PinoLogger, LoggerModule } from 'nestjs-pino';
import { firstValueFrom } from 'rxjs';
import winston from 'winston';

class Tasks {
  fail() {
    throw Object.assign(new Error('boom'), { code: 'E_MAIL', request: { headers: { authorization: 'hunter2' } } });
  }
}
TaskHandler('mail:fail')(Tasks.prototype, 'fail', Object.getOwnPropertyDescriptor(Tasks.prototype, 'fail'));

class AppModule {}
Module({
  imports: [
    LoggerModule.forRoot({ pinoHttp: [{}, new PassThrough().on('data', (chunk) => written.push(String(chunk)))] }),
    AsynqModule.forRoot({ connection: 'memory', worker: true }),
  ],
  providers: [Tasks],
})(AppModule);

let written = [];

/** The line about the failed task. */
async function lineOf(chooseLogger) {
  written = [];
  const app = await NestFactory.createApplicationContext(AppModule, { bufferLogs: true });
  app.useLogger(chooseLogger(app));
  const failed = firstValueFrom(app.get(TaskEvents).of('archived'));
  await app.get(TaskDistributor).enqueue('mail:fail', { secret: 'hunter2' }, { taskId: 'x', maxRetry: 0 });
  await failed;
  await app.close();
  return written
    .join('')
    .split(/\n(?=[[{])/)
    .find((line) => line.includes('task archived'));
}

/** Collects what is written to the streams of the process while `work` runs. */
async function captured(work) {
  const own = [process.stdout.write, process.stderr.write];
  process.stdout.write = process.stderr.write = (chunk) => written.push(String(chunk)) > 0;
  try {
    return await work();
  } finally {
    [process.stdout.write, process.stderr.write] = own;
  }
}

const winstonStream = new PassThrough().on('data', (chunk) => written.push(String(chunk)));
const winstonLogger = WinstonModule.createLogger({
  format: winston.format.json(),
  transports: [new winston.transports.Stream({ stream: winstonStream })],
});

const lines = {
  pino: JSON.parse(await lineOf((app) => app.get(PinoLogger))),
  winston: JSON.parse(await lineOf(() => winstonLogger)),
  json: JSON.parse(await captured(() => lineOf(() => new ConsoleLogger({ json: true })))),
  text: await captured(() => lineOf(() => new ConsoleLogger({ colors: false }))),
};
console.log(JSON.stringify(lines));
