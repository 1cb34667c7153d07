// A worker on Redis, for bundles: prints what it logs about its heartbeat, and how many threads it has while a task runs.
import 'reflect-metadata';
import { ConsoleLogger, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AsynqModule, TaskDistributor, TaskHandler } from 'nestjs-asynq';

const threads = Number(process.env['THREADS']);

const countThreads = (): number =>
  (process.report.getReport() as { readonly workers: readonly unknown[] }).workers.length;

let announce: (count: number) => void;
const counted = new Promise<number>((resolve) => (announce = resolve));

@Injectable()
class Work {
  @TaskHandler('work')
  async work(): Promise<void> {
    while (countThreads() < threads) await new Promise((resolve) => setTimeout(resolve, 20));
    announce(countThreads());
  }
}

@Module({
  imports: [AsynqModule.forRoot({ connection: { url: process.env['REDIS_URL']! }, worker: true })],
  providers: [Work],
})
class AppModule {}

class HeartbeatLog extends ConsoleLogger {
  override log(message: unknown): void {
    if (String(message).includes('heartbeat')) console.log(`INFO ${String(message)}`);
  }
}

async function main(): Promise<void> {
  const app = await NestFactory.createApplicationContext(AppModule, { logger: new HeartbeatLog() });
  await app.get(TaskDistributor).enqueue('work', undefined);
  console.log(`${await counted} threads`);
  await app.close();
}

void main();
