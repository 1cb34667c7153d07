import { context } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { ExportResultCode } from '@opentelemetry/core';
import { BasicTracerProvider, BatchSpanProcessor, type SpanExporter } from '@opentelemetry/sdk-trace-base';
import { TaskMetrics } from '@nestjs-asynq/core/metrics';
import { openTelemetry } from '@nestjs-asynq/core/tracing';
import { Registry } from 'prom-client';
import type { ObservingId } from '../contenders/observing.js';
import { runProgram } from '../program/run-program.js';
import { type Observing, oursWith } from './driver.js';

const READ_EVERY_MS = 5_000;

/** What an exporter does with its spans is its own cost. */
const NOWHERE: SpanExporter = {
  export: (_spans, done) => done({ code: ExportResultCode.SUCCESS }),
  shutdown: async () => undefined,
};

const WAYS: Readonly<Record<ObservingId, () => Observing>> = {
  'ours-metrics': () => {
    const metrics = new TaskMetrics();
    const registry = new Registry();
    metrics.register(registry);
    setInterval(() => void registry.metrics(), READ_EVERY_MS).unref();
    return { server: { onEvent: metrics.listener }, onStart: (server) => void metrics.watch(server) };
  },
  'ours-traces-without-sdk': () => ({ server: { tracing: openTelemetry() } }),
  'ours-traces': () => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    const tracerProvider = new BasicTracerProvider({ spanProcessors: [new BatchSpanProcessor(NOWHERE)] });
    return { server: { tracing: openTelemetry({ tracerProvider }) } };
  },
  'ours-events': () => ({ server: { publishEvents: true } }),
};

runProgram(oursWith(WAYS[process.argv[2] as ObservingId]()));
