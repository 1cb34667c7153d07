import 'reflect-metadata';
import { Injectable, Module, ValidationPipe } from '@nestjs/common';
import { APP_PIPE, NestFactory } from '@nestjs/core';
import { IsInt, IsString } from 'class-validator';
import { AsynqModule, Payload, TaskDistributor, TaskHandler } from 'nestjs-asynq';
import type { Driver } from '../program/driver.js';
import { DEFAULT_QUEUE, TASK_TYPE } from '../program/protocol.js';
import { runProgram } from '../program/run-program.js';
import { timeApp } from '../program/time-app.js';
import { ours } from './driver.js';

class Welcome {
  @IsInt()
  userId!: number;

  @IsString()
  template!: string;
}

/** The worker is a Nest application whose handler takes a validated DTO. */
const oursInNest: Driver = {
  connect: (url) => ours.connect(url),

  async serve(url, { queues, concurrency }, handle) {
    @Injectable()
    class WelcomeTasks {
      @TaskHandler(TASK_TYPE)
      welcome(@Payload() payload: Welcome): unknown {
        return handle(payload, DEFAULT_QUEUE);
      }
    }

    @Module({
      imports: [AsynqModule.forRoot({ connection: { url }, worker: true, queues, concurrency })],
      providers: [
        WelcomeTasks,
        { provide: APP_PIPE, useValue: new ValidationPipe({ whitelist: true, transform: true }) },
      ],
    })
    class WorkerModule {}

    const app = await NestFactory.createApplicationContext(WorkerModule, { logger: ['warn', 'error'] });
    return { close: () => app.close() };
  },

  live(url, place) {
    let announce: () => void;
    const handled = new Promise<void>((resolve) => (announce = resolve));

    @Injectable()
    class WelcomeTasks {
      @TaskHandler(TASK_TYPE)
      welcome(): void {
        announce();
      }
    }

    @Module({
      imports: [AsynqModule.forRoot({ connection: place === 'memory' ? 'memory' : { url }, worker: true })],
      providers: [WelcomeTasks],
    })
    class AppModule {}

    return timeApp({
      create: () => NestFactory.createApplicationContext(AppModule, { logger: ['warn', 'error'] }),
      enqueue: (app) => app.get(TaskDistributor).enqueue(TASK_TYPE, { userId: 1 }),
      handled,
    });
  },
};

runProgram(oursInNest);
