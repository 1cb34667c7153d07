/**
 * How the benchmark drives a program. Requests are JSON lines on its stdin; each is answered by one line on descriptor 3, in
 * their order. Its stdout and stderr are left to the queue.
 */
export type Request =
  | { readonly op: 'produce'; readonly load: Load }
  | { readonly op: 'serve'; readonly service: Service }
  | { readonly op: 'report' }
  | { readonly op: 'usage' }
  /** Creates an app, enqueues one task into it, waits for its handler, and closes the app. */
  | { readonly op: 'app'; readonly place: AppPlace }
  /** Shuts the worker or the producer down, cleanly. */
  | { readonly op: 'stop' };

export type Line =
  { readonly mark: Mark } | { readonly reply: unknown; readonly error?: undefined } | { readonly error: string };

/** Tasks to enqueue. */
export interface Load {
  readonly count: number;
  /** Concurrent calls. */
  readonly lanes: number;
  /** Tasks per call; 1 uses the call for a single task. */
  readonly batch: number;
  /** Queues that take turns. */
  readonly queues: readonly string[];
  /** Additional text in the payload. Default none. */
  readonly fillerBytes?: number | undefined;
  /** The payload contains the start time of its call. */
  readonly stamped?: boolean | undefined;
  /** Enqueues each payload this many times, with a number of its own. Default: all payloads are equal. */
  readonly copies?: number | undefined;
  /** Pause of a lane between two calls, randomized by half. */
  readonly restMs?: number | undefined;
  /** Due times, spread evenly over an interval. */
  readonly due?: { readonly atMs: number; readonly spreadMs: number } | undefined;
  /** Retention of finished tasks and their results. Default: they are deleted. */
  readonly keptForS?: number | undefined;
  /** Lifetime of the lock that refuses a second task with the same payload. */
  readonly uniqueForS?: number | undefined;
}

export interface Produced {
  readonly accepted: number;
  readonly elapsedUs: number;
  readonly cpuUs: number;
}

/** Tasks to handle. */
export interface Service {
  /** Queue to weight. */
  readonly queues: Readonly<Record<string, number>>;
  /** Of all queues together. */
  readonly concurrency: number;
  /** Numbers of handled tasks, ascending, at which it writes a mark. */
  readonly marks?: readonly number[] | undefined;
  /** The handler fails for each payload whose number is a multiple of this. */
  readonly failEach?: number | undefined;
  /** The handler returns a result. */
  readonly hasResult?: boolean | undefined;
  /** Records the delay of each start after the call, or after the due time. */
  readonly latencyFrom?: 'call' | 'due' | undefined;
}

/** Taken inside the worker at the start of a task. */
export interface Mark extends Usage {
  readonly handled: number;
  /** Empty when there is one queue. */
  readonly perQueue: Readonly<Record<string, number>>;
}

/** Where an app keeps its tasks. */
export type AppPlace = 'redis' | 'memory';

/** How long the steps of an app's life took. */
export interface AppTimes {
  readonly createMs: number;
  readonly enqueueMs: number;
  readonly closeMs: number;
}

export interface Usage {
  /** Of a clock that all processes of the machine share. */
  readonly atUs: number;
  /** Processor time of the process so far. */
  readonly cpuUs: number;
}

export interface Report {
  readonly handled: number;
  /** In ms; see `latencyFrom`. */
  readonly latenciesMs: readonly number[];
}

/** The payload of every task; the fields after the first two only where a figure needs them. */
export interface TaskPayload {
  readonly userId: number;
  readonly template: string;
  readonly filler?: string;
  /** When its call began, us, or when it is due, ms. */
  readonly at?: number;
}

/** The type of all tasks. */
export const TASK_TYPE = 'bench';
export const DEFAULT_QUEUE = 'default';
/** Delay of failed tasks, beyond the end of the figure. */
export const RETRY_DELAY_MS = 3_600_000;
