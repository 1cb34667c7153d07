import { Global, Module } from '@nestjs/common';
import { systemClock } from '@nestjs-asynq/core';

/** Token of the `Clock` of codes, outbox and queues. Tests provide their own. */
export const CLOCK = Symbol('CLOCK');

@Global()
@Module({ providers: [{ provide: CLOCK, useValue: systemClock }], exports: [CLOCK] })
export class ClockModule {}
