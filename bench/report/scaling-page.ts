import { cpus } from 'node:os';
import { FLEETS } from '../figures/scaling.js';
import { table } from './page.js';
import type { Results } from './results.js';

/** A process should be busy for this share of the time at most: queues grow without bound near 1. */
const BUSY_SHARE = 0.7;
const GOAL_PER_S = 1_000_000;

/**
 * Of a machine whose cores all processes share: the share of their time that goes into tasks, and by how much each process
 * more than cores makes a task dearer, as it takes the caches of the others. Fitted to two runs with 1 to 4 workers on two cores.
 */
const BUSY_WHEN_SHARED = 0.83;
const CROWDING = 0.17;

interface Point {
  readonly workers: number;
  readonly rate: number;
  readonly workerUs: number;
  readonly redisUs: number;
  readonly connections: number;
  readonly rssMb: number;
  /** Left by the other processes of the machine. */
  readonly cores: number;
}

/** The generated part of `docs/scaling.md`; `undefined` until all of its figures exist. */
export function scalingSection(results: Results): string | undefined {
  const points = FLEETS.map((workers) => pointOf(workers, results));
  const bytesPerTask = results['redis-memory']?.ours;
  if (points.includes(undefined) || bytesPerTask === undefined) return undefined;
  return [measured(points as Point[], bytesPerTask), ...fleet(points as Point[])].join('\n\n');
}

function pointOf(workers: number, results: Results): Point | undefined {
  const main = results[`scaling-${workers}`];
  if (main?.ours === undefined) return undefined;
  const other = (key: string): number => results[`scaling-${workers}-${key}`]!.ours!;
  return {
    workers,
    rate: main.ours,
    workerUs: other('worker-cpu'),
    redisUs: other('store-cpu'),
    connections: other('connections'),
    rssMb: other('rss'),
    cores: cpus().length - main.othersCores,
  };
}

/**
 * What limits the rate: the main thread of each worker, the one thread of Redis, or the cores that they share. The costs
 * of a task are those of the smallest fleet.
 */
function predicted({ workers, cores }: Point, { workerUs, redisUs }: Point): number {
  const crowding = 1 + CROWDING * Math.max(0, workers + 1 - cores);
  const shared = (cores * BUSY_WHEN_SHARED * 1e6) / ((workerUs + redisUs) * crowding);
  return Math.min((workers * 1e6) / workerUs, 1e6 / redisUs, shared);
}

function measured(points: readonly Point[], bytesPerTask: number): string {
  const [single] = points;
  const rows = points.map((point) => {
    const rate = predicted(point, single!);
    return [
      point.workers,
      count(point.rate),
      count(rate),
      `${Math.round((rate / point.rate - 1) * 100)} %`,
      point.workerUs.toFixed(1),
      point.redisUs.toFixed(1),
      point.connections / point.workers,
      Math.round(point.rssMb / point.workers),
    ];
  });
  const head = [
    'workers',
    'tasks/s',
    'by the model',
    'off by',
    'worker CPU, us/task',
    'Redis CPU, us/task',
    'connections per worker',
    'RSS per worker, MB',
  ];
  return [
    table(head, rows),
    `A pending task takes ${count(bytesPerTask)} bytes in Redis: a million of them ${count(bytesPerTask)} MB.`,
  ].join('\n\n');
}

function fleet([single]: readonly Point[]): string[] {
  const { workerUs, redisUs, connections } = single!;
  const redisCores = GOAL_PER_S * (redisUs / 1e6);
  const workerCores = GOAL_PER_S * (workerUs / 1e6);
  const masters = Math.ceil(redisCores / BUSY_SHARE);
  const workers = Math.ceil(workerCores / BUSY_SHARE);
  return [
    `One Redis core handles at most ${count(1e6 / redisUs)} tasks a second, one worker core ${count(1e6 / workerUs)}.`,
    `For ${count(GOAL_PER_S)} tasks a second whose handlers cost nothing, that is ${redisCores.toFixed(1)} cores of Redis and ${workerCores.toFixed(1)} of workers. ` +
      `With every process busy for ${BUSY_SHARE * 100} % of the time: a cluster of ${masters} masters, at least as many queues or partitions, and ${workers} worker processes. ` +
      `A worker that serves queues on every master opens up to ${connections} connections to each of them: ${count(workers * connections)} on each master. ` +
      'Enqueueing comes on top; see the figures of [the benchmark](benchmarks.md).',
  ];
}

const count = (value: number): string => Math.round(value).toLocaleString('en');
