import type { TaskTracing } from '../task/task-tracing.js';
import { SpanTracer } from './span-tracer.js';
import { readTracingOptions, type TracingOptions } from './tracing-options.js';

/**
 * Traces by OpenTelemetry, for the option `tracing` of clients, servers and schedulers. The context travels in the
 * headers of the tasks, in the format of the program's propagator, so that traces lead through programs in Go too.
 * Without an SDK it does next to nothing. Needs the package `@opentelemetry/api`.
 *
 * ```ts
 * import { openTelemetry } from '@nestjs-asynq/core/tracing';
 *
 * const client = new Client({ connection, tracing: openTelemetry() });
 * ```
 * @throws {InvalidOptionsError} an option is wrong; all of them at once
 */
export function openTelemetry(options: TracingOptions = {}): TaskTracing {
  const settings = readTracingOptions(options);
  return { open: (place) => new SpanTracer(place, settings) };
}
