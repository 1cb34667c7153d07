import { Global, Module } from '@nestjs/common';
import { systemClock } from '@nestjs-asynq/core';

/** Token of the {@link Clock} that codes expire by, the outbox waits on and the queues run on. Tests put their own. */
export const CLOCK = Symbol('CLOCK');

@Global()
@Module({ providers: [{ provide: CLOCK, useValue: systemClock }], exports: [CLOCK] })
export class ClockModule {}
