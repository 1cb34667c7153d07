import { DEFAULT_QUEUE, type Load, type Mark, type Report, type Service } from '../program/protocol.js';
import type { Program } from '../stand/program.js';
import type { Turn } from '../stand/turn.js';

/** Warm-up, as a share of the counted tasks: the code is compiled, the batches have their size. */
const WARM_UP_SHARE = 0.2;
/** Tasks left at the end of the count, times the concurrency: a worker is measured under full load. */
const TAIL_BATCHES = 2;

export interface HandlingOptions {
  /** Counted tasks of a full run. */
  readonly tasks: number;
  readonly concurrency: number;
  readonly load?: Partial<Load> | undefined;
  readonly service?: Partial<Service> | undefined;
}

/** The work of one worker process between two of its tasks, all enqueued before its start. */
export interface Handling {
  readonly rate: number;
  readonly 'worker-cpu': number;
  readonly 'store-cpu': number;
  readonly rss: number;
  /** Between these it was counted. */
  readonly marks: readonly [Mark, Mark];
}

/** Fills the store, and measures a worker that empties it. @throws {Error} when a task was lost or handled twice */
export async function measureHandling(turn: Turn, options: HandlingOptions): Promise<Handling> {
  const { all } = marksOf(turn, options);
  await turn.preload({ ...options.load, count: all });
  await using worker = turn.start();
  const handling = await measureWorker(turn, worker, options, [all]);
  await worker.reached(all);
  expectHandled(turn, await worker.stop(), all);
  return handling;
}

/** Measures a worker on existing tasks; the worker keeps running. */
export async function measureWorker(
  turn: Turn,
  worker: Program,
  options: HandlingOptions,
  moreMarks: readonly number[] = [],
): Promise<Handling> {
  const { from, to } = marksOf(turn, options);
  const { concurrency, service } = options;
  const readings = [from, to].map(async (handled) => {
    const mark = await worker.reached(handled);
    return { mark, storeUs: await turn.store.cpuUs() };
  });
  const marks = [from, to, ...moreMarks];
  await Promise.all([worker.serve({ queues: { [DEFAULT_QUEUE]: 1 }, concurrency, ...service, marks }), ...readings]);
  const [before, after] = await Promise.all(readings);
  const counted = to - from;
  return {
    rate: counted / ((after!.mark.atUs - before!.mark.atUs) / 1e6),
    'worker-cpu': (after!.mark.cpuUs - before!.mark.cpuUs) / counted,
    'store-cpu': (after!.storeUs - before!.storeUs) / counted,
    rss: worker.residentBytes() / 1e6,
    marks: [before!.mark, after!.mark],
  };
}

function marksOf(turn: Turn, { tasks, concurrency }: HandlingOptions): { from: number; to: number; all: number } {
  const counted = turn.scaled(tasks, 10);
  const from = Math.ceil(counted * WARM_UP_SHARE);
  return { from, to: from + counted, all: from + counted + TAIL_BATCHES * concurrency };
}

/** @throws {Error} when the worker saw more or fewer tasks */
export function expectHandled(turn: Turn, { handled }: Pick<Report, 'handled'>, expected: number): void {
  if (handled !== expected) throw new Error(`${turn.contender.title} handled ${handled} of ${expected} tasks`);
}
