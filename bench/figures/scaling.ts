import { setTimeout as sleep } from 'node:timers/promises';
import { DEFAULT_QUEUE } from '../program/protocol.js';
import type { Program } from '../stand/program.js';
import type { Turn } from '../stand/turn.js';
import { expectHandled } from './handling.js';
import { type Figure, RATE, type Sample, STORE_CPU, WORKER_CPU } from './figure.js';

const TASKS = 150_000;
const CONCURRENCY = 100;
/** Each worker handles this share of the tasks before they are counted. */
const WARM_UP_SHARE = 0.1;
/** Counted are the tasks up to this share of all: no worker runs out of work. */
const COUNTED_SHARE = 0.8;
const LOOK_EVERY_MS = 50;

/** Numbers of worker processes. */
export const FLEETS: readonly number[] = [1, 2, 3, 4];

export const scaling: readonly Figure[] = FLEETS.map((workers) => ({
  name: `scaling-${workers}`,
  title: `Handle tasks with ${workers} worker process${workers === 1 ? '' : 'es'}`,
  how: `One queue, concurrency ${CONCURRENCY} in each worker.`,
  contenders: ['ours'],
  measures: [
    RATE,
    WORKER_CPU,
    STORE_CPU,
    { key: 'connections', title: 'connections', better: 'less' },
    { key: 'rss', title: 'RSS of all workers, MB', better: 'less' },
  ],
  measure: (turn) => measureFleet(turn, workers),
}));

async function measureFleet(turn: Turn, size: number): Promise<Sample> {
  const count = turn.scaled(TASKS, 1_000);
  await turn.preload({ count });
  const fleet = new Fleet(turn, size);
  const warm = Math.ceil((count * WARM_UP_SHARE) / size);
  await fleet.serve({ queues: { [DEFAULT_QUEUE]: 1 }, concurrency: CONCURRENCY, marks: [warm] });
  await fleet.reached(warm);

  const before = await fleet.look();
  let after = before;
  while (after.handled < count * COUNTED_SHARE) {
    await sleep(LOOK_EVERY_MS);
    after = await fleet.look();
  }
  const handled = after.handled - before.handled;
  const connections = await turn.redis.connections();
  const rss = fleet.residentBytes() / 1e6;
  await fleet.stop(count);
  return {
    rate: handled / ((after.atUs - before.atUs) / 1e6),
    'worker-cpu': (after.cpuUs - before.cpuUs) / handled,
    'store-cpu': (after.storeUs - before.storeUs) / handled,
    connections,
    rss,
  };
}

interface Look {
  readonly atUs: number;
  readonly handled: number;
  readonly cpuUs: number;
  readonly storeUs: number;
}

class Fleet {
  private readonly workers: readonly Program[];

  constructor(
    private readonly turn: Turn,
    size: number,
  ) {
    this.workers = Array.from({ length: size }, () => turn.start());
  }

  async serve(service: Parameters<Program['serve']>[0]): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.serve(service)));
  }

  async reached(handled: number): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.reached(handled)));
  }

  /** All workers at about the same time. */
  async look(): Promise<Look> {
    const [storeUs, usages, reports] = await Promise.all([
      this.turn.store.cpuUs(),
      Promise.all(this.workers.map((worker) => worker.usage())),
      Promise.all(this.workers.map((worker) => worker.report())),
    ]);
    return {
      atUs: sum(usages.map(({ atUs }) => atUs)) / usages.length,
      handled: sum(reports.map(({ handled }) => handled)),
      cpuUs: sum(usages.map(({ cpuUs }) => cpuUs)),
      storeUs,
    };
  }

  residentBytes(): number {
    return sum(this.workers.map((worker) => worker.residentBytes()));
  }

  /** Lets them finish. @throws {Error} when they handled more or fewer tasks in total */
  async stop(expected: number): Promise<void> {
    while ((await this.look()).handled < expected) await sleep(LOOK_EVERY_MS);
    const reports = await Promise.all(this.workers.map((worker) => worker.stop()));
    expectHandled(this.turn, { handled: sum(reports.map(({ handled }) => handled)) }, expected);
  }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
