import 'reflect-metadata';
import { BullModule, Processor, WorkerHost } from '@nestjs/bullmq';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Job } from 'bullmq';
import { plainToInstance } from 'class-transformer';
import { IsInt, IsString, validateOrReject } from 'class-validator';
import type { Driver } from '../program/driver.js';
import { DEFAULT_QUEUE } from '../program/protocol.js';
import { runProgram } from '../program/run-program.js';
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
};

runProgram(bullmqInNest);
