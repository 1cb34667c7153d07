import { measureEnqueueing } from './enqueue.js';
import { type Figure, ON_REDIS, PRODUCER_CPU, RATE, STORE_CPU, WORKER_CPU, WORKERS_ON_REDIS } from './figure.js';
import { measureHandling } from './handling.js';

const SIZES = [
  { name: '100B', title: '100 B', fillerBytes: 100, tasks: 50_000 },
  { name: '10kB', title: '10 kB', fillerBytes: 10_000, tasks: 20_000 },
  { name: '1MB', title: '1 MB', fillerBytes: 1_000_000, tasks: 300 },
];
const LANES = 100;
const CONCURRENCY = 10;

const sized = SIZES.map(({ name, title, fillerBytes, tasks }): Figure[] => [
  {
    name: `payload-${name}-enqueue`,
    title: `Enqueue payloads of ${title}`,
    how: `${LANES} calls at a time.`,
    contenders: ON_REDIS,
    measures: [RATE, PRODUCER_CPU, STORE_CPU],
    measure: (turn) => measureEnqueueing(turn, { count: turn.scaled(tasks, 10), lanes: LANES, batch: 1, fillerBytes }),
  },
  {
    name: `payload-${name}-handle`,
    title: `Handle payloads of ${title}`,
    how: `Concurrency ${CONCURRENCY}. Each contender decodes the payload as JSON.`,
    contenders: WORKERS_ON_REDIS,
    measures: [RATE, WORKER_CPU, STORE_CPU],
    async measure(turn) {
      const load = { fillerBytes, batch: Math.ceil(1_000_000 / fillerBytes) };
      const { marks: _, ...sample } = await measureHandling(turn, { concurrency: CONCURRENCY, tasks, load });
      return sample;
    },
  },
]);

export const payloads: readonly Figure[] = sized.flat();
