import { type Figure, RATE, RSS, STORE_CPU, WORKER_CPU } from './figure.js';
import { measureHandling } from './handling.js';

const TASKS = 50_000;
const CONCURRENCY = 100;

export const nest: Figure = {
  name: 'nest',
  title: 'Handle tasks through Nest, with a validated DTO',
  how: `The payload becomes an instance of a class with two class-validator rules. Concurrency ${CONCURRENCY}.`,
  contenders: ['ours-nest', 'bullmq-nest'],
  measures: [RATE, WORKER_CPU, STORE_CPU, RSS],
  async measure(turn) {
    const { marks: _, ...sample } = await measureHandling(turn, { concurrency: CONCURRENCY, tasks: TASKS });
    return sample;
  },
};
