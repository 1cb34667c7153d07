import { OBSERVING } from '../contenders/observing.js';
import { type Figure, RATE, RSS, STORE_CPU, WORKER_CPU } from './figure.js';
import { measureHandling } from './handling.js';

const TASKS = 100_000;
const CONCURRENCY = 100;

export const observing: Figure = {
  name: 'observing',
  title: 'Handle tasks while they are watched',
  how: `The same worker, concurrency ${CONCURRENCY}, without and with what an operator may turn on.`,
  contenders: ['ours', ...OBSERVING.map(({ id }) => id)],
  measures: [WORKER_CPU, RATE, STORE_CPU, RSS],
  async measure(turn) {
    const { marks: _, ...sample } = await measureHandling(turn, { concurrency: CONCURRENCY, tasks: TASKS });
    return sample;
  },
};
