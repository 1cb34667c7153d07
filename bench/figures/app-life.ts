import type { AppPlace, AppTimes } from '../program/protocol.js';
import type { Program } from '../stand/program.js';
import { type Figure, quantile, type Sample } from './figure.js';

/** One after the other in a process, as in a file of end-to-end tests; the first one also loads the code. */
const APPS = 10;

/** The suites of users create and close many apps. */
export const appLife: Figure = {
  name: 'app-life',
  title: 'Life of a Nest app with a worker',
  how: `Median of ${APPS} apps that one process creates one after the other, after a first one: from the call that creates the app to its end; enqueueing one task; closing the app as soon as the handler has begun. Ours also with its queues in memory.`,
  contenders: ['ours-nest', 'bullmq-nest'],
  measures: [
    { key: 'create', title: 'create, ms', better: 'less' },
    { key: 'enqueue', title: 'enqueue, ms', better: 'less' },
    { key: 'close', title: 'close, ms', better: 'less' },
    { key: 'memory-create', title: 'create in memory, ms', better: 'less' },
    { key: 'memory-enqueue', title: 'enqueue in memory, ms', better: 'less' },
    { key: 'memory-close', title: 'close in memory, ms', better: 'less' },
  ],
  async measure(turn) {
    await using program = turn.start();
    const { createMs, enqueueMs, closeMs } = await medians(program, 'redis');
    const sample: Sample = { create: createMs, enqueue: enqueueMs, close: closeMs };
    if (turn.contender.team !== 'ours') return sample;
    const inMemory = await medians(program, 'memory');
    return {
      ...sample,
      'memory-create': inMemory.createMs,
      'memory-enqueue': inMemory.enqueueMs,
      'memory-close': inMemory.closeMs,
    };
  },
};

async function medians(program: Program, place: AppPlace): Promise<AppTimes> {
  await program.live(place);
  const lives: AppTimes[] = [];
  for (let app = 0; app < APPS; app++) lives.push(await program.live(place));
  const median = (key: keyof AppTimes): number =>
    quantile(
      lives.map((times) => times[key]),
      0.5,
    );
  return { createMs: median('createMs'), enqueueMs: median('enqueueMs'), closeMs: median('closeMs') };
}
