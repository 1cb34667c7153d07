import { DEFAULT_QUEUE, type Load } from '../program/protocol.js';
import type { Turn } from '../stand/turn.js';
import { type Figure, ON_REDIS, PRODUCER_CPU, RATE, type Sample, STORE_CPU } from './figure.js';

const WARM_UP_SHARE = 0.2;
/** Lanes of contenders without a batch call, where others use batches. */
const LANES_FOR_BATCHES = 100;

const WAYS = [
  {
    name: 'enqueue-lane',
    title: 'Enqueue, sequential calls',
    tasks: 30_000,
    lanes: 1,
    batch: 1,
    against: ['bare-commands'],
  },
  {
    name: 'enqueue-100-lanes',
    title: 'Enqueue, 100 calls at a time',
    tasks: 150_000,
    lanes: 100,
    batch: 1,
    against: [],
  },
  { name: 'enqueue-batch-100', title: 'Enqueue 100 tasks per call', tasks: 100_000, lanes: 1, batch: 100, against: [] },
  {
    name: 'enqueue-batch-1000',
    title: 'Enqueue 1,000 tasks per call',
    tasks: 200_000,
    lanes: 1,
    batch: 1_000,
    against: [],
  },
] as const;

export const enqueue: readonly Figure[] = WAYS.map(({ name, title, tasks, lanes, batch, against }) => ({
  name,
  title,
  how: 'One process enqueues, none handles. Counted after a warm-up.',
  contenders: [...ON_REDIS, 'graphile', ...against],
  measures: [RATE, PRODUCER_CPU, STORE_CPU],
  measure: (turn) => measureEnqueueing(turn, { count: turn.scaled(tasks, 10), lanes, batch }),
}));

/** @throws {Error} when tasks were refused */
export async function measureEnqueueing(
  turn: Turn,
  load: Partial<Load> & Pick<Load, 'count' | 'lanes' | 'batch'>,
): Promise<Sample> {
  const lanes = load.batch > 1 && !turn.contender.hasBatches ? LANES_FOR_BATCHES : load.lanes;
  const full: Load = { queues: [DEFAULT_QUEUE], ...load, lanes };
  await using producer = turn.start();
  await producer.produce({ ...full, count: Math.ceil(load.count * WARM_UP_SHARE) });
  const storeBeforeUs = await turn.store.cpuUs();
  const { accepted, cpuUs, elapsedUs } = await producer.produce(full);
  const storeUs = (await turn.store.cpuUs()) - storeBeforeUs;
  if (accepted !== load.count) throw new Error(`${turn.contender.title}: ${accepted} of ${load.count} tasks enqueued`);
  await producer.stop();
  return {
    rate: load.count / (elapsedUs / 1e6),
    'producer-cpu': cpuUs / load.count,
    'store-cpu': storeUs / load.count,
  };
}
