import { setTimeout as sleep } from 'node:timers/promises';
import { DEFAULT_QUEUE, type Service } from '../program/protocol.js';
import type { Program } from '../stand/program.js';
import type { Turn } from '../stand/turn.js';
import { type Figure, type Measure, ON_REDIS, quantile, RSS, type Sample } from './figure.js';

const SETTLE_MS = 3_000;
const WATCHED_MS = 10_000;
const LEAST_WATCHED_MS = 1_000;

const QUEUES = 1_000;
const TASKS = 300;
const REST_MS = 20;
const CONCURRENCY = 100;

const COSTS: readonly Measure[] = [
  { key: 'cpu', title: 'worker CPU, ms/s', better: 'less' },
  { key: 'store-cpu', title: 'Redis CPU, ms/s', better: 'less' },
  { key: 'commands', title: 'commands/s', better: 'less' },
  { key: 'connections', title: 'connections', better: 'less' },
  RSS,
];

export const idle: Figure = {
  name: 'idle',
  title: 'An idle worker of one queue',
  how: `Watched for ${WATCHED_MS / 1000} s. Commands are those sent by clients, without calls in scripts.`,
  contenders: ON_REDIS,
  measures: COSTS,
  async measure(turn) {
    await using worker = turn.start();
    return await watchIdle(turn, worker, { queues: { [DEFAULT_QUEUE]: 1 }, concurrency: CONCURRENCY });
  },
};

export const idleQueues: Figure = {
  name: 'idle-queues-1000',
  title: 'An idle worker of 1,000 queues',
  how: `Watched for ${WATCHED_MS / 1000} s; then a task every ${REST_MS} ms or so, each in another queue.`,
  contenders: ON_REDIS,
  measures: [
    ...COSTS,
    { key: 'pick-up-p50', title: 'pick-up p50, ms', better: 'less' },
    { key: 'pick-up-p99', title: 'pick-up p99, ms', better: 'less' },
  ],
  async measure(turn) {
    const queues = Array.from({ length: QUEUES }, (_, number) => `tenant-${number}`);
    const count = turn.scaled(TASKS, 10);
    await using worker = turn.start();
    const costs = await watchIdle(turn, worker, {
      queues: Object.fromEntries(queues.map((queue) => [queue, 1])),
      concurrency: CONCURRENCY,
      latencyFrom: 'call',
      marks: [count],
    });
    await using producer = turn.start();
    await producer.produce({ queues, count, lanes: 1, batch: 1, stamped: true, restMs: REST_MS });
    await worker.reached(count);
    const { latenciesMs } = await worker.stop();
    await producer.stop();
    return { ...costs, 'pick-up-p50': quantile(latenciesMs, 0.5), 'pick-up-p99': quantile(latenciesMs, 0.99) };
  },
};

async function watchIdle(turn: Turn, worker: Program, service: Service): Promise<Sample> {
  await worker.serve(service);
  await sleep(SETTLE_MS);
  const before = await worker.usage();
  const [storeBeforeUs, commandsBefore] = [await turn.store.cpuUs(), await turn.redis.commands()];
  await sleep(turn.scaled(WATCHED_MS, LEAST_WATCHED_MS));
  const after = await worker.usage();
  const [storeAfterUs, commandsAfter] = [await turn.store.cpuUs(), await turn.redis.commands()];
  const seconds = (after.atUs - before.atUs) / 1e6;
  return {
    cpu: (after.cpuUs - before.cpuUs) / 1000 / seconds,
    'store-cpu': (storeAfterUs - storeBeforeUs) / 1000 / seconds,
    commands: (commandsAfter - commandsBefore) / seconds,
    connections: await turn.redis.connections(),
    rss: worker.residentBytes() / 1e6,
  };
}
