import 'reflect-metadata';

/** Entry `nestjs-asynq/metrics`: needs prom-client, an optional peer dependency. */
export { AsynqMetricsModule } from './metrics.module.js';
export type { MetricsModuleAsyncOptions, MetricsModuleOptions, MetricsMount } from './metrics.options.js';
export type { QueueMetricsOptions } from '@nestjs-asynq/core/metrics';
export { UnguardedMetricsError } from './unguarded-metrics.error.js';
