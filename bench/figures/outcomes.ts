import { type Figure, RATE, STORE_CPU, WORKER_CPU, WORKERS_ON_REDIS } from './figure.js';
import { type HandlingOptions, measureHandling } from './handling.js';

const CONCURRENCY = 100;
const TASKS = 50_000;
const KEPT_FOR_S = 3_600;

/** Figures of handlers whose outcome is more than "done". */
const outcome = (head: Pick<Figure, 'name' | 'title' | 'how'>, options: Partial<HandlingOptions>): Figure => ({
  ...head,
  contenders: WORKERS_ON_REDIS,
  measures: [RATE, WORKER_CPU, STORE_CPU],
  async measure(turn) {
    const { marks: _, ...sample } = await measureHandling(turn, { concurrency: CONCURRENCY, tasks: TASKS, ...options });
    return sample;
  },
});

export const failing = outcome(
  {
    name: 'failing',
    title: 'Handle tasks of which 10 % fail',
    how: `Each tenth handler throws; its task is to be retried in an hour. Default logging, to a file. Concurrency ${CONCURRENCY}.`,
  },
  { load: { copies: 1 }, service: { failEach: 10 } },
);

export const retention = outcome(
  {
    name: 'retention',
    title: 'Handle tasks that are kept with their results',
    how: `Each handler returns a small object; tasks and results are kept for an hour. Concurrency ${CONCURRENCY}.`,
  },
  { load: { keptForS: KEPT_FOR_S }, service: { hasResult: true } },
);
