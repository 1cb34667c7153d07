import 'reflect-metadata';
import { BullModule, getQueueToken, Processor, WorkerHost } from '@nestjs/bullmq';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Job, Queue } from 'bullmq';
import { plainToInstance } from 'class-transformer';
import { IsInt, IsString, validateOrReject } from 'class-validator';
import type { Driver } from '../program/driver.js';
import { DEFAULT_QUEUE, TASK_TYPE } from '../program/protocol.js';
import { runProgram } from '../program/run-program.js';
import { timeApp } from '../program/time-app.js';
import { bullmq } from './bullmq-driver.js';

class Welcome {
  @IsInt()
  userId!: number;

  @IsString()
  template!: string;
}

/** It has no pipes: the processor validates the DTO itself, with the same options as ours. */
const bullmqInNest: Driver = {
  connect: (url) => bullmq.connect(url),

  async serve(url, { concurrency }, handle) {
    @Processor(DEFAULT_QUEUE, { concurrency })
    class WelcomeProcessor extends WorkerHost {
      async process(job: Job): Promise<unknown> {
        const payload = plainToInstance(Welcome, job.data);
        await validateOrReject(payload, { whitelist: true, forbidUnknownValues: false });
        return handle(payload, DEFAULT_QUEUE);
      }
    }

    @Module({
      imports: [BullModule.forRoot({ connection: { url } }), BullModule.registerQueue({ name: DEFAULT_QUEUE })],
      providers: [WelcomeProcessor],
    })
    class WorkerModule {}

    const app = await NestFactory.createApplicationContext(WorkerModule, { logger: ['warn', 'error'] });
    return { close: () => app.close() };
  },

  live(url) {
    let announce: () => void;
    const handled = new Promise<void>((resolve) => (announce = resolve));

    @Processor(DEFAULT_QUEUE)
    class WelcomeProcessor extends WorkerHost {
      async process(): Promise<void> {
        announce();
      }
    }

    @Module({
      imports: [BullModule.forRoot({ connection: { url } }), BullModule.registerQueue({ name: DEFAULT_QUEUE })],
      providers: [WelcomeProcessor],
    })
    class AppModule {}

    return timeApp({
      create: () => NestFactory.createApplicationContext(AppModule, { logger: ['warn', 'error'] }),
      enqueue: (app) => app.get<Queue>(getQueueToken(DEFAULT_QUEUE)).add(TASK_TYPE, { userId: 1 }),
      handled,
    });
  },
};

runProgram(bullmqInNest);
