import type { WorkerProcess, WorkerReport } from '../../../support/worker-process.js';

/** How to reach Redis, as our own connection options that can be written down as JSON. */
export type StageConnection = Readonly<Record<string, unknown>>;

export interface ContenderWorkerOptions {
  readonly connection: StageConnection;
  /** Of equal weight. */
  readonly queues: readonly string[];
  readonly concurrency: number;
  /** How long a worker may be silent before its tasks are taken for abandoned, where that can be set. */
  readonly leaseMs: number;
  /** How far its clock is ahead of that of Redis and of the other workers. */
  readonly clockSkewMs?: number | undefined;
}

/** What a handler does: takes a while, blocks the event loop meanwhile, or kills its process. */
export type LoadType = 'work' | 'block' | 'poison';

export interface LoadTask {
  readonly queue: string;
  readonly id: string;
  /** Default: `work`. */
  readonly type?: LoadType | undefined;
  /** How long the handler takes. */
  readonly ms: number;
  /** Due so much later. */
  readonly processInMs?: number | undefined;
}

/** Enqueues tasks, and looks for them. */
export interface ContenderClient extends AsyncDisposable {
  /** Resolves when the task is acknowledged. */
  enqueue(task: LoadTask): Promise<void>;
  /** Number of tasks in a queue that may still run. */
  openTasks(queue: string): Promise<number>;
  /** The state in which a queue holds a task, in our words for the final ones; `undefined` when it holds none of this id. */
  stateOf(queue: string, id: string): Promise<string | undefined>;
}

/** A task queue in the trial: ours, or another one under the same load and the same faults. */
export interface Contender {
  readonly name: string;
  /** What a reader of the figures must know: its version, and how its settings differ. */
  readonly about: string;
  /** A frozen worker's tasks run elsewhere after so long at the latest. */
  readonly abandonedAfterMs: number;
  /** Builds or installs what it runs; once per run. Returns why it cannot run here. */
  prepare(): string | undefined;
  /** Starts a worker in a process of its own, which reports its handlers and its log. Resolves when it is ready for tasks. */
  startWorker(options: ContenderWorkerOptions, onReport: (report: WorkerReport) => void): Promise<WorkerProcess>;
  connect(connection: StageConnection): Promise<ContenderClient>;
}
