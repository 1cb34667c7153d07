import { DEFAULT_QUEUE } from '../program/protocol.js';
import { type Figure, quantile, WORKERS_ON_REDIS } from './figure.js';
import { expectHandled } from './handling.js';

const TASKS = 400;
const WARM_UP = 10;
const REST_MS = 50;
const CONCURRENCY = 10;

export const pickUp: Figure = {
  name: 'pick-up',
  title: 'Pick-up of a task by an idle worker',
  how: `From the call that enqueues to the start of the handler, in another process; a task every ${REST_MS} ms or so. The bare commands are HSET and LPUSH, then BLMOVE and SORT in one round trip.`,
  contenders: [...WORKERS_ON_REDIS, 'graphile', 'bare-commands'],
  measures: [
    { key: 'p50', title: 'p50, ms', better: 'less' },
    { key: 'p99', title: 'p99, ms', better: 'less' },
  ],
  async measure(turn) {
    const count = WARM_UP + turn.scaled(TASKS, 20);
    const load = { queues: [DEFAULT_QUEUE], lanes: 1, batch: 1, stamped: true };
    await using producer = turn.start();
    await using worker = turn.start();
    await producer.produce({ ...load, count: 1 }); // creates the schema, where there is one
    await worker.serve({
      queues: { [DEFAULT_QUEUE]: 1 },
      concurrency: CONCURRENCY,
      latencyFrom: 'call',
      marks: [1, 1 + count],
    });
    await worker.reached(1);

    await producer.produce({ ...load, count, restMs: REST_MS });
    await worker.reached(1 + count);

    await producer.stop();
    const report = await worker.stop();
    expectHandled(turn, report, 1 + count);
    const latenciesMs = report.latenciesMs.slice(1 + WARM_UP);
    return { p50: quantile(latenciesMs, 0.5), p99: quantile(latenciesMs, 0.99) };
  },
};
