import { TaskMetrics } from '@nestjs-asynq/core/metrics';
import { Registry } from 'prom-client';
import type { ObservingId } from '../contenders/observing.js';
import { runProgram } from '../program/run-program.js';
import { type Observing, oursWith } from './driver.js';

const READ_EVERY_MS = 5_000;

const WAYS: Readonly<Record<ObservingId, () => Observing>> = {
  'ours-metrics': () => {
    const metrics = new TaskMetrics();
    const registry = new Registry();
    metrics.register(registry);
    setInterval(() => void registry.metrics(), READ_EVERY_MS).unref();
    return { server: { onEvent: metrics.listener }, onStart: (server) => void metrics.watch(server) };
  },
};

runProgram(oursWith(WAYS[process.argv[2] as ObservingId]()));
