// What metrics add to a task: TaskMetrics is given the two events that a server creates for it. CPU time, without that of the loop.
// npm run build:libs && node test/bench/metrics-cost.mjs
import { TaskMetrics } from '@nestjs-asynq/core/metrics';

const TASKS = 1_000_000;
const ROUNDS = 5;

const metrics = new TaskMetrics();
const task = { id: '0198c0de-1c34-7b8e-9b1c-000000000000', type: 'mail:send', queue: 'default', at: new Date() };
const started = { ...task, kind: 'started', retried: 0, waitedMs: 3 };
const succeeded = { ...task, kind: 'succeeded', durationMs: 0.25 };

function measure(listener) {
  const before = process.cpuUsage();
  for (let i = 0; i < TASKS; i++) {
    listener(started);
    listener(succeeded);
  }
  const { user, system } = process.cpuUsage(before);
  return (1_000 * (user + system)) / TASKS;
}

let dropped = 0;
const drop = ({ kind }) => void (dropped += kind.length);
measure(metrics.listener);
measure(drop);
for (let round = 0; round < ROUNDS; round++) {
  console.log(`${Math.max(0, measure(metrics.listener) - measure(drop)).toFixed(0)} ns per task`);
}
