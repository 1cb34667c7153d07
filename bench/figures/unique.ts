import { DEFAULT_QUEUE } from '../program/protocol.js';
import { type Figure, ON_REDIS, PRODUCER_CPU, RATE, STORE_CPU } from './figure.js';

const TASKS = 40_000;
const LANES = 100;
const UNIQUE_FOR_S = 3_600;
const COPIES = 2;

export const unique: Figure = {
  name: 'unique',
  title: 'Enqueue unique tasks, half of them duplicates',
  how: `Each task is enqueued twice, ${LANES} calls at a time; the second is refused. For BullMQ the lock is its deduplication id.`,
  contenders: ON_REDIS,
  measures: [RATE, PRODUCER_CPU, STORE_CPU],
  async measure(turn) {
    const count = COPIES * Math.ceil(turn.scaled(TASKS, 20) / COPIES);
    await using producer = turn.start();
    const load = { queues: [DEFAULT_QUEUE], lanes: LANES, batch: 1 };
    await producer.produce({ ...load, count: Math.ceil(count / 5) });
    const storeBeforeUs = await turn.store.cpuUs();
    const produced = await producer.produce({ ...load, count, copies: COPIES, uniqueForS: UNIQUE_FOR_S });
    const storeUs = (await turn.store.cpuUs()) - storeBeforeUs;
    if (produced.accepted !== count / COPIES) {
      throw new Error(`${turn.contender.title} took ${produced.accepted} of ${count / COPIES} unique tasks`);
    }
    await producer.stop();
    return {
      rate: count / (produced.elapsedUs / 1e6),
      'producer-cpu': produced.cpuUs / count,
      'store-cpu': storeUs / count,
    };
  },
};
