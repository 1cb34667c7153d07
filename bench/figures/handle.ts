import { type Figure, ON_REDIS, RATE, RSS, STORE_CPU, WORKER_CPU, WORKERS_ON_REDIS } from './figure.js';
import { measureHandling } from './handling.js';

const TASKS: Readonly<Record<number, number>> = { 1: 40_000, 10: 100_000, 100: 200_000, 1_000: 200_000 };

/** Of the plots. */
export const CONCURRENCIES: readonly number[] = Object.keys(TASKS).map(Number);

export const handle: readonly Figure[] = CONCURRENCIES.map((concurrency) => ({
  name: `handle-${concurrency}`,
  title: `Handle tasks, concurrency ${concurrency.toLocaleString('en')}`,
  how:
    'All tasks are enqueued before the worker starts. The count is between two of them, after a warm-up and before the queue ' +
    'is empty.',
  contenders: [...(concurrency < 4 ? ON_REDIS : WORKERS_ON_REDIS), 'graphile'],
  measures: [RATE, WORKER_CPU, STORE_CPU, RSS],
  async measure(turn) {
    const { marks: _, ...sample } = await measureHandling(turn, { concurrency, tasks: TASKS[concurrency]! });
    return sample;
  },
}));
