/** Entry `@nestjs-asynq/core/tracing`: traces by OpenTelemetry. Needs `@opentelemetry/api`. */
export { contextHeaders } from './task-context-headers.js';
export { openTelemetry } from './open-telemetry.js';
export type { TracingOptions } from './tracing-options.js';
export type { TaskTracing } from '../task/task-tracing.js';
