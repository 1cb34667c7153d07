import { type Figure, RATE, STORE_CPU, WORKER_CPU, WORKERS_ON_REDIS } from './figure.js';
import { measureWorker } from './handling.js';

const TASKS = 50_000;
const CONCURRENCY = 100;
const WEIGHTS: Readonly<Record<string, number>> = { critical: 6, default: 3, low: 1 };
const SUM = Object.values(WEIGHTS).reduce((sum, weight) => sum + weight, 0);

export const weightedQueues: Figure = {
  name: 'weighted-queues',
  title: 'Three queues of weights 6, 3 and 1',
  how: `All queues have enough tasks, concurrency ${CONCURRENCY}. The deviation is that of the queue whose share of the tasks differs most from its weight.`,
  contenders: WORKERS_ON_REDIS,
  measures: [
    RATE,
    WORKER_CPU,
    STORE_CPU,
    { key: 'deviation', title: 'largest deviation, percentage points', better: 'less' },
  ],
  async measure(turn) {
    const queues = Object.keys(WEIGHTS);
    // No queue runs empty: each has as many tasks as are counted in total, including the warm-up.
    await turn.preload({ queues, count: queues.length * (Math.ceil(1.2 * turn.scaled(TASKS, 10)) + CONCURRENCY) });
    await using worker = turn.start();
    const options = { tasks: TASKS, concurrency: CONCURRENCY, service: { queues: WEIGHTS } };
    const { marks, ...sample } = await measureWorker(turn, worker, options);
    const offPoints = Object.entries(WEIGHTS).map(([queue, weight]) => {
      const [from, to] = marks.map(({ perQueue }) => perQueue[queue] ?? 0);
      const share = (to! - from!) / (marks[1].handled - marks[0].handled);
      return Math.abs(share - weight / SUM) * 100;
    });
    return { ...sample, deviation: Math.max(...offPoints) };
  },
};
