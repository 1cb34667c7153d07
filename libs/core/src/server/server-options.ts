import type { Connection } from '../broker/connection.js';
import type { Clock } from '../runtime/clock.js';
import type { Duration } from '../runtime/duration.js';
import type { Logger } from '../runtime/logger.js';
import type { PayloadCodec } from '../task/payload-codec.js';
import type { RetryDelay } from '../task/retry-delay.js';
import type { TaskEventListener } from '../task/task-event.js';
import type { GroupAggregatorOptions } from './groups/group-aggregator.js';
import type { ErrorHandler } from './run/attempt.js';

/** Options of a server. Only `connection` is needed. Defaults follow asynq where it has the option. */
export interface ServerOptions {
  /** Where the queues live. A broker that is handed in stays open at shutdown. */
  readonly connection: Connection;
  /** Handlers that run at one time. Default: the number of CPUs. */
  readonly concurrency?: number | undefined;
  /** Queue name to weight, whole numbers above 0. Default `{ default: 1 }`. */
  readonly queues?: Readonly<Record<string, number>> | undefined;
  /** Serve a queue only when all of higher weight are empty. Default `false`: shares follow the weights. */
  readonly strictPriority?: boolean | undefined;
  /**
   * Delay before the next attempt, ms; a handler may have its own. Default asynq's: n⁴ + 15 + random(0…29) × (n + 1) s.
   * Below 0 is 0, above 30 days is 30 days; what is no number, or a promise, is logged, and the default applies.
   */
  readonly retryDelay?: RetryDelay | undefined;
  /**
   * `false`: retry without counting it as a failure. Default: every error is one. Must answer `true` or `false` at once:
   * any other answer, a promise too, is logged, and the error counts.
   */
  readonly isFailure?: ((error: unknown) => boolean) | undefined;
  /**
   * Called with every error of a handler, before the outcome is stored, which waits for it 10 s at most. What it throws,
   * or rejects with, is logged.
   */
  readonly errorHandler?: ErrorHandler | undefined;
  /** Reads payloads. Default JSON. */
  readonly codec?: PayloadCodec | undefined;
  /** How long shutdown waits for running handlers before it aborts and requeues them. Default `'8s'`. */
  readonly shutdownTimeout?: Duration | undefined;
  /** Right to work on a task without a sign of life, at least `'1s'`, whole seconds. Default `'30s'`. */
  readonly leaseDuration?: Duration | undefined;
  /** How often leases are extended and the server shows itself. Default `'5s'`, at most a third of the lease. */
  readonly heartbeatInterval?: Duration | undefined;
  /** `'thread'` survives a handler that blocks the event loop; `'inline'` does not. Default `'thread'` on Redis. */
  readonly heartbeat?: 'thread' | 'inline' | undefined;
  /** How often a broker that cannot block is asked for work when idle. Default `'1s'`, jittered. */
  readonly taskCheckInterval?: Duration | undefined;
  /** Longest time between two looks at scheduled and retry tasks; due times known are met exactly. Default `'5s'`. */
  readonly delayedTaskCheckInterval?: Duration | undefined;
  /** How often completed and archived tasks are trimmed. Default `'8s'`. */
  readonly janitorInterval?: Duration | undefined;
  /** Most tasks the janitor deletes in one script call, 1 to 1000. Default 100. */
  readonly janitorBatchSize?: number | undefined;
  /** What archived tasks are kept. Default `{ maxAge: '90d', maxSize: 10000 }`. Go peers trim at the default too. */
  readonly archive?: { readonly maxAge?: Duration | undefined; readonly maxSize?: number | undefined } | undefined;
  /** How long a task of unknown type waits before it is offered again. Default `'5s'`. */
  readonly unknownTypeDelay?: Duration | undefined;
  /** How long a task may stay of unknown type before it is archived. Default `'1h'`. */
  readonly unknownTypeTimeout?: Duration | undefined;
  /** How many times a task may take its worker down before it is archived. Default 5. */
  readonly maxCrashes?: number | undefined;
  /** How long after its end a lease is taken for dead: room for clocks that differ. Default `'2s'`. */
  readonly recoverGrace?: Duration | undefined;
  /** Most queues that are watched by a blocking connection each; the rest are polled. Default 16. */
  readonly maxBlockingConnections?: number | undefined;
  /** Makes one task of the tasks that were enqueued with a `group`. Default: groups are left to other servers. */
  readonly groupAggregator?: GroupAggregatorOptions | undefined;
  /** Called after every health check. What it throws, or rejects with, is logged; nobody waits for a promise. */
  readonly onHealthCheck?: ((error: Error | undefined) => void) | undefined;
  /** Default `'15s'`. Only runs when `onHealthCheck` is given. */
  readonly healthCheckInterval?: Duration | undefined;
  /** Hears what happens to tasks in this process. What it throws, or rejects with, is logged. */
  readonly onEvent?: TaskEventListener | undefined;
  /** Default: warnings and errors to the console. */
  readonly logger?: Logger | undefined;
  /** Default: the broker's. For tests. */
  readonly clock?: Clock | undefined;
}

/** A record, so that the compiler notices an option that is missing here. */
const IS_OPTION: Readonly<Record<keyof ServerOptions, true>> = {
  connection: true,
  concurrency: true,
  queues: true,
  strictPriority: true,
  retryDelay: true,
  isFailure: true,
  errorHandler: true,
  codec: true,
  shutdownTimeout: true,
  leaseDuration: true,
  heartbeatInterval: true,
  heartbeat: true,
  taskCheckInterval: true,
  delayedTaskCheckInterval: true,
  janitorInterval: true,
  janitorBatchSize: true,
  archive: true,
  unknownTypeDelay: true,
  unknownTypeTimeout: true,
  maxCrashes: true,
  recoverGrace: true,
  maxBlockingConnections: true,
  groupAggregator: true,
  onHealthCheck: true,
  healthCheckInterval: true,
  onEvent: true,
  logger: true,
  clock: true,
};

/** The names of all options, for those who pass them on. */
export const SERVER_OPTION_NAMES: readonly string[] = Object.keys(IS_OPTION);
