import type { ContenderId } from '../contenders/contender.js';
import type { Turn } from '../stand/turn.js';

export interface Measure {
  readonly key: string;
  /** With its unit. */
  readonly title: string;
  readonly better: 'more' | 'less';
}

/** Numbers by the keys of the figure's measures; some may be missing for a contender. */
export type Sample = Readonly<Record<string, number>>;

/** One subject of the benchmark. */
export interface Figure {
  /** As in `--only`. In the results, its first measure has this name, and the others have their key behind it. */
  readonly name: string;
  readonly title: string;
  /** The procedure and what is counted, for the page. */
  readonly how: string;
  readonly contenders: readonly ContenderId[];
  readonly measures: readonly Measure[];
  /** All turns of a contender use one store, which this fills first. Default: each turn has an empty store. */
  readonly prepare?: (turn: Turn) => Promise<void>;
  /** Measures once. @throws {Error} when tasks were lost or handled twice */
  measure(turn: Turn): Promise<Sample>;
}

/** For figures that do not depend on the number of asynq servers in a process. */
export const ON_REDIS: readonly ContenderId[] = ['ours', 'bullmq', 'asynq'];
export const WORKERS_ON_REDIS: readonly ContenderId[] = [...ON_REDIS, 'asynq-4'];

export const RATE: Measure = { key: 'rate', title: 'tasks/s', better: 'more' };
export const WORKER_CPU: Measure = { key: 'worker-cpu', title: 'worker CPU, us/task', better: 'less' };
export const PRODUCER_CPU: Measure = { key: 'producer-cpu', title: 'producer CPU, us/task', better: 'less' };
export const STORE_CPU: Measure = { key: 'store-cpu', title: 'store CPU, us/task', better: 'less' };
export const RSS: Measure = { key: 'rss', title: 'RSS of the worker, MB', better: 'less' };

/** The value below which the share `share` of all values is. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}
