import { DEFAULT_QUEUE } from '../program/protocol.js';
import { type Figure, PRODUCER_CPU, RATE, STORE_CPU, WORKER_CPU, WORKERS_ON_REDIS } from './figure.js';
import { expectHandled } from './handling.js';

const TASKS = 40_000;
const WARM_UP_SHARE = 0.2;
const CONCURRENCY = 100;
const LANES = 100;

export const mixedLoad: Figure = {
  name: 'mixed-load',
  title: 'Enqueue and handle at the same time',
  how: `One process enqueues, ${LANES} calls at a time, one handles at concurrency ${CONCURRENCY}. The rate is that of both: until the last task has begun.`,
  contenders: [...WORKERS_ON_REDIS, 'graphile'],
  measures: [RATE, WORKER_CPU, PRODUCER_CPU, STORE_CPU],
  async measure(turn) {
    const count = turn.scaled(TASKS, 100);
    const first = Math.ceil(count * WARM_UP_SHARE);
    const load = { queues: [DEFAULT_QUEUE], lanes: LANES, batch: 1 };
    await using producer = turn.start();
    await using worker = turn.start();
    await producer.produce({ ...load, count: 1 }); // creates the schema, where there is one
    await worker.serve({
      queues: { [DEFAULT_QUEUE]: 1 },
      concurrency: CONCURRENCY,
      marks: [1 + first, 1 + first + count],
    });
    await producer.produce({ ...load, count: first });
    await worker.reached(1 + first);

    const before = await worker.usage();
    const storeBeforeUs = await turn.store.cpuUs();
    const [produced, end] = await Promise.all([
      producer.produce({ ...load, count }),
      worker.reached(1 + first + count),
    ]);
    const storeUs = (await turn.store.cpuUs()) - storeBeforeUs;

    await producer.stop();
    expectHandled(turn, await worker.stop(), 1 + first + count);
    return {
      rate: count / ((end.atUs - before.atUs) / 1e6),
      'worker-cpu': (end.cpuUs - before.cpuUs) / count,
      'producer-cpu': produced.cpuUs / count,
      'store-cpu': storeUs / count,
    };
  },
};
