import type { Turn } from '../stand/turn.js';
import { type Figure, type Measure, quantile, type Sample, WORKERS_ON_REDIS } from './figure.js';
import { DEFAULT_QUEUE } from '../program/protocol.js';
import { expectHandled } from './handling.js';

const CONCURRENCY = 100;
/** Delay of the due time after the first enqueue, plus a time per task: longer than enqueueing takes. */
const LEAD_MS = 3_000;
const LEAD_PER_TASK_MS = 0.4;

const EARLY: Measure = { key: 'early', title: 'started early, tasks', better: 'less' };

export const scheduled: readonly Figure[] = [
  {
    name: 'scheduled-spread',
    title: 'Lateness of scheduled tasks, 200 a second',
    how: 'From the due time to the start of the handler. 2,000 tasks, due within 10 s.',
    contenders: WORKERS_ON_REDIS,
    measures: [
      { key: 'p50', title: 'late p50, ms', better: 'less' },
      { key: 'p99', title: 'late p99, ms', better: 'less' },
      EARLY,
    ],
    measure: (turn) => measureLateness(turn, turn.scaled(2_000, 20), turn.scaled(10_000, 1_000)),
  },
  {
    name: 'scheduled-at-once',
    title: 'Scheduled tasks, 20,000 due at one instant',
    how: `From the due time to the start of the handler, at concurrency ${CONCURRENCY}.`,
    contenders: WORKERS_ON_REDIS,
    measures: [
      { key: 'last', title: 'last one started after, ms', better: 'less' },
      { key: 'p50', title: 'late p50, ms', better: 'less' },
      EARLY,
    ],
    measure: (turn) => measureLateness(turn, turn.scaled(20_000, 20), 0),
  },
];

async function measureLateness(turn: Turn, count: number, spreadMs: number): Promise<Sample> {
  await using worker = turn.start();
  await worker.serve({
    queues: { [DEFAULT_QUEUE]: 1 },
    concurrency: CONCURRENCY,
    latencyFrom: 'due',
    marks: [count],
  });
  const atMs = Date.now() + LEAD_MS + Math.ceil(count * LEAD_PER_TASK_MS);
  await turn.preload({ count, due: { atMs, spreadMs } });
  if (Date.now() > atMs) throw new Error(`${turn.contender.title} took longer to enqueue than until the due time`);
  await worker.reached(count);
  const report = await worker.stop();
  expectHandled(turn, report, count);
  const { latenciesMs } = report;
  return {
    last: quantile(latenciesMs, 1),
    p50: quantile(latenciesMs, 0.5),
    p99: quantile(latenciesMs, 0.99),
    early: latenciesMs.filter((ms) => ms < 0).length,
  };
}
