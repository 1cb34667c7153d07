import type { Result, Results } from './results.js';

type Value = 'ours' | 'vsBullmq' | 'vsAsynq';

/** What a result should be at least, or at most where less is better. */
interface Bound {
  readonly value: Value;
  readonly is: number;
}

interface Target {
  readonly title: string;
  /** A key of the results. */
  readonly result: string;
  /** One of them is enough. */
  readonly bounds: readonly Bound[];
}

const RATES: Readonly<Record<number, readonly [vsBullmq: number, vsAsynq: number]>> = {
  1: [6, 2],
  10: [4, 3],
  100: [5, 4],
  1_000: [5, 4],
};
const WORKER_CPU: Readonly<Record<number, readonly [us: number, vsBullmq: number]>> = {
  1: [25, 0.12],
  10: [15, 0.16],
  100: [12, 0.16],
  1_000: [12, 0.16],
};
const REDIS_CPU_US: Readonly<Record<number, number>> = { 1: 14, 10: 11, 100: 11, 1_000: 11 };

const vsBullmq = (is: number): Bound => ({ value: 'vsBullmq', is });
const vsAsynq = (is: number): Bound => ({ value: 'vsAsynq', is });
const ours = (is: number): Bound => ({ value: 'ours', is });

/** The goals of the project, in the order of the page. */
const TARGETS: readonly Target[] = [
  ...Object.entries(RATES).flatMap(([concurrency, [bullmq, asynq]]) =>
    [vsBullmq(bullmq), vsAsynq(asynq)].map((bound) => ({
      title: `tasks/s at concurrency ${concurrency}`,
      result: `handle-${concurrency}`,
      bounds: [bound],
    })),
  ),
  ...Object.entries(WORKER_CPU).map(([concurrency, [us, share]]) => ({
    title: `worker CPU per task at concurrency ${concurrency}, us`,
    result: `handle-${concurrency}-worker-cpu`,
    bounds: [ours(us), vsBullmq(share)],
  })),
  ...Object.entries(REDIS_CPU_US).map(([concurrency, us]) => ({
    title: `Redis CPU per task at concurrency ${concurrency}, us`,
    result: `handle-${concurrency}-store-cpu`,
    bounds: [ours(us), vsBullmq(0.2)],
  })),
  { title: 'RSS of a worker at concurrency 100', result: 'handle-100-rss', bounds: [vsBullmq(1.15)] },
  ...(
    [
      ['sequential enqueues', 'enqueue-lane', 1.3, 0.6],
      ['100 enqueues at a time', 'enqueue-100-lanes', 3, 1.3],
      ['enqueues of 1,000 per call', 'enqueue-batch-1000', 5, 2],
    ] as const
  ).flatMap(([title, result, bullmq, asynq]) => [
    { title, result, bounds: [vsBullmq(bullmq)] },
    { title, result, bounds: [vsAsynq(asynq)] },
  ]),
  { title: 'idle pick-up p50', result: 'pick-up', bounds: [vsBullmq(0.6)] },
  { title: 'idle pick-up p99', result: 'pick-up-p99', bounds: [vsBullmq(0.6)] },
  { title: '20,000 due at one instant, last one', result: 'scheduled-at-once', bounds: [vsBullmq(0.5)] },
  { title: 'lateness of scheduled tasks p50', result: 'scheduled-spread', bounds: [vsBullmq(0.2)] },
  { title: 'tasks started early', result: 'scheduled-spread-early', bounds: [ours(0)] },
  { title: 'tasks/s through Nest with a DTO', result: 'nest', bounds: [vsBullmq(3)] },
  { title: 'commands over 10 ms with 3,000,000 pending', result: 'backlog-3M-slow', bounds: [ours(0)] },
];

export const TARGET_COLUMNS = ['', 'target', 'measured', 'bare commands', 'met'];

/** Rows of the table of targets: only those that were measured. */
export function targetRows(results: Results): string[][] {
  const rows = TARGETS.flatMap(({ title, result: name, bounds }) => {
    const result = results[name];
    if (!result) return [];
    const measured = bounds.map(({ value }) => shown(value, result[value]));
    const wanted = bounds.map(({ value, is }) => `${result.better === 'more' ? '≥' : '≤'} ${shown(value, is)}`);
    const limits = bounds.flatMap(({ value }) => limitOf(result, value) ?? []);
    const isMet = bounds.some((bound) => meets(result, bound));
    return [[title, wanted.join(' or '), measured.join(', '), limits.join(', '), isMet ? 'yes' : '**no**']];
  });
  return [...rows, ...backlogRow(results)];
}

/** What the bare commands reach against the same rival, where they took part. */
function limitOf({ limit, bullmq, asynq }: Result, value: Value): string | undefined {
  const rival = { vsBullmq: bullmq, vsAsynq: asynq, ours: undefined }[value];
  if (limit === undefined || rival === undefined) return undefined;
  return shown(value, Number((limit / rival).toPrecision(3)));
}

/** The rate must not depend on the number of pending tasks. */
function backlogRow({ 'backlog-10k': few, 'backlog-3M': many }: Results): string[][] {
  if (few?.ours === undefined || many?.ours === undefined) return [];
  const ratio = many.ours / few.ours;
  const isMet = ratio >= 0.9 && ratio <= 1.1;
  return [
    ['tasks/s, 3,000,000 pending / 10,000', '0.9 to 1.1 x', `${ratio.toFixed(2)} x`, '', isMet ? 'yes' : '**no**'],
  ];
}

function meets(result: Result, { value, is }: Bound): boolean {
  const measured = result[value];
  if (measured === undefined) return false;
  return result.better === 'more' ? measured >= is : measured <= is;
}

const RIVAL_NAMES = { vsBullmq: ' x BullMQ', vsAsynq: ' x asynq', ours: '' } as const;

function shown(value: Value, number: number | undefined): string {
  return number === undefined ? '–' : `${number.toLocaleString('en')}${RIVAL_NAMES[value]}`;
}
