import type { ObservingId } from './observing.js';

/** The names in `docs/benchmarks.json`. A team may have several contenders; the better one counts. */
export type Team = 'ours' | 'bullmq' | 'asynq' | 'graphile' | 'limit';

export type ContenderId =
  ObservingId | 'ours' | 'ours-nest' | 'bullmq' | 'bullmq-nest' | 'asynq' | 'asynq-4' | 'graphile' | 'bare-commands';

/** A task queue in the benchmark. */
export interface Contender {
  readonly id: ContenderId;
  readonly team: Team;
  /** With its version. */
  readonly title: string;
  /** Its settings other than the defaults, for the page. */
  readonly settings: string;
  readonly store: 'redis' | 'postgres';
  /** Starts its program; the address of the store is added. */
  readonly command: readonly string[];
  /** Whether one call can enqueue many tasks. */
  readonly hasBatches: boolean;
}
