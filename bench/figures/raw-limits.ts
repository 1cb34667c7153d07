import { execFileSync } from 'node:child_process';
import type { Turn } from '../stand/turn.js';
import { measureEnqueueing } from './enqueue.js';
import { type Figure, PRODUCER_CPU, RATE, STORE_CPU, WORKER_CPU } from './figure.js';
import { measureHandling } from './handling.js';

const TASKS = 100_000;
/** A batch, and the pipelines of `redis-benchmark`. */
const BATCH = 100;
const CLIENTS = 10;

export const rawLimits: readonly Figure[] = [
  {
    name: 'limit-handle',
    title: 'Distance from the limit: handle',
    how: `Concurrency ${BATCH}. The limit fetches, reads and settles ${BATCH} tasks at a time with LMOVE, ZADD, HSET, HGET, LREM, ZREM and DEL for each.`,
    contenders: ['ours', 'bare-commands'],
    measures: [RATE, WORKER_CPU, STORE_CPU],
    async measure(turn) {
      const { marks: _, ...sample } = await measureHandling(turn, { concurrency: BATCH, tasks: TASKS });
      return sample;
    },
  },
  {
    name: 'limit-enqueue',
    title: 'Distance from the limit: enqueue',
    how: `${BATCH} tasks per call; the limit is HSET and LPUSH for each. The last column is what \`redis-benchmark\` reaches with ${CLIENTS} clients and LPUSH in pipelines of ${BATCH}.`,
    contenders: ['ours', 'bare-commands'],
    measures: [RATE, PRODUCER_CPU, STORE_CPU, { key: 'redis-benchmark', title: 'LPUSH/s', better: 'more' }],
    async measure(turn) {
      const sample = await measureEnqueueing(turn, { count: turn.scaled(TASKS, 1_000), lanes: 1, batch: BATCH });
      return turn.contender.team === 'limit' ? { ...sample, 'redis-benchmark': pushesPerS(turn) } : sample;
    },
  },
];

/** @throws {Error} without `redis-benchmark` on the PATH, which comes with Redis */
function pushesPerS(turn: Turn): number {
  const { port } = new URL(turn.store.url);
  const requests = String(turn.scaled(10 * TASKS, 10_000));
  const args = ['-p', port, '-t', 'lpush', '-n', requests, '-c', String(CLIENTS), '-P', String(BATCH), '--csv'];
  const csv = execFileSync('redis-benchmark', args, { encoding: 'utf8' });
  return Number(/^"LPUSH[^"]*","([\d.]+)"/m.exec(csv)?.[1]);
}
