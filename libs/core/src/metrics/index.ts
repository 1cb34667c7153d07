/**
 * Entry `@nestjs-asynq/core/metrics`: metrics for Prometheus, by prom-client, which is an optional peer dependency. The names of
 * options for wrappers are in `@nestjs-asynq/core/internal`.
 */
export { type MetricsServer, type MetricsServerOptions, startMetricsServer } from './metrics-server.js';
export {
  type MeasuredConnection,
  QueueMetrics,
  type QueueMetricsOptions,
  type QueueMetricsSetup,
  QUEUE_METRICS_OPTION_NAMES,
} from './queue-metrics.js';
export { TaskMetrics, type TaskMetricsOptions, type WatchedServer } from './task-metrics.js';
