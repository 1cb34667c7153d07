import { DEFAULT_QUEUE } from '../program/protocol.js';
import { nowUs } from '../program/clock.js';
import { type Figure, ON_REDIS } from './figure.js';
import { expectHandled } from './handling.js';

const CONCURRENCY = 10;

export const startAndStop: Figure = {
  name: 'start-and-stop',
  title: 'Start-up and shutdown of a worker',
  how: 'From the start of the process to the start of the first handler; from the request to shut down, without running tasks, to its end.',
  contenders: [...ON_REDIS, 'graphile'],
  measures: [
    { key: 'start', title: 'start, ms', better: 'less' },
    { key: 'stop', title: 'shutdown, ms', better: 'less' },
  ],
  async measure(turn) {
    await turn.preload({ count: 1 });
    const spawnedAtUs = nowUs();
    await using worker = turn.start();
    const [first] = await Promise.all([
      worker.reached(1),
      worker.serve({ queues: { [DEFAULT_QUEUE]: 1 }, concurrency: CONCURRENCY, marks: [1] }),
    ]);
    const askedAtUs = nowUs();
    const report = await worker.stop();
    const stoppedAtUs = nowUs();
    expectHandled(turn, report, 1);
    return { start: (first.atUs - spawnedAtUs) / 1000, stop: (stoppedAtUs - askedAtUs) / 1000 };
  },
};
