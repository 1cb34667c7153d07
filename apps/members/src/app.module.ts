import { Module, ValidationPipe } from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';
import { APP_PIPE } from '@nestjs/core';
import type { Clock } from '@nestjs-asynq/core';
import { AsynqDashboardModule } from '@nestjs-asynq/dashboard';
import { AsynqModule } from 'nestjs-asynq';
import { AsynqMetricsModule } from 'nestjs-asynq/metrics';
import { openTelemetry } from 'nestjs-asynq/tracing';
import { Registry } from 'prom-client';
import { CLOCK, ClockModule } from './config/clock.module.js';
import { type Settings, settings } from './config/settings.js';
import { DatabaseModule } from './database/database.module.js';
import { MembersModule } from './members/members.module.js';
import { MonitoringGuard } from './monitoring/monitoring.guard.js';

@Module({
  imports: [
    ConfigModule.forRoot({ isGlobal: true, load: [settings] }),
    ClockModule,
    DatabaseModule,
    MembersModule,
    AsynqDashboardModule.forRootAsync({
      path: '/monitoring',
      guards: [MonitoringGuard],
      inject: [settings.KEY],
      useFactory: ({ dashboardWrites }: Settings) => ({ readOnly: !dashboardWrites, redact: ['password', 'token'] }),
    }),
    AsynqMetricsModule.forRootAsync({
      path: '/metrics',
      guards: [MonitoringGuard],
      useFactory: () => ({ registry: new Registry() }),
    }),
    AsynqModule.forRootAsync({
      inject: [settings.KEY, CLOCK],
      useFactory: ({ redisUrl, role }: Settings, clock: Clock) => ({
        connection: redisUrl === undefined ? 'memory' : { url: redisUrl },
        queues: { critical: 6, default: 3, low: 1 },
        concurrency: 10,
        worker: role !== 'api',
        tracing: openTelemetry(), // does nothing until an SDK of OpenTelemetry is loaded
        clock,
      }),
    }),
  ],
  providers: [{ provide: APP_PIPE, useValue: new ValidationPipe({ whitelist: true, transform: true }) }],
})
export class AppModule {}
