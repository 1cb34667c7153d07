import { type Figure, ON_REDIS, RATE, STORE_CPU, WORKER_CPU } from './figure.js';
import { measureWorker } from './handling.js';

const PENDING = [
  { name: 'backlog-10k', title: '10,000', pending: 10_000 },
  { name: 'backlog-1M', title: '1,000,000', pending: 1_000_000 },
  { name: 'backlog-3M', title: '3,000,000', pending: 3_000_000 },
];
const CONCURRENCY = 100;
const TASKS = 20_000;
/** Enqueued before each round: at least as many as are handled until the worker has stopped. */
const PER_ROUND = 30_000;
const SLOW_MS = 10;

export const backlog: readonly Figure[] = PENDING.map(({ name, title, pending }) => ({
  name,
  title: `Handle tasks, ${title} pending`,
  how: `The store is filled once per contender and keeps its tasks over the rounds; each round handles ${TASKS.toLocaleString('en')} of them. Concurrency ${CONCURRENCY}.`,
  contenders: ON_REDIS,
  measures: [RATE, WORKER_CPU, STORE_CPU, { key: 'slow', title: `commands over ${SLOW_MS} ms`, better: 'less' }],
  async prepare(turn) {
    await turn.preload({ count: turn.scaled(pending, 100) });
  },
  async measure(turn) {
    await turn.preload({ count: turn.scaled(PER_ROUND, 500) });
    await turn.redis.watchSlowCommands(SLOW_MS);
    await using worker = turn.start();
    const { marks: _, ...sample } = await measureWorker(turn, worker, { concurrency: CONCURRENCY, tasks: TASKS });
    const slow = await turn.redis.slowCommands();
    await worker.stop();
    return { ...sample, slow };
  },
}));
