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
  /** Where the queues live. A broker passed in stays open at shutdown. */
  readonly connection: Connection;
  /** Handlers that run at one time. Default: the number of CPUs. */
  readonly concurrency?: number | undefined;
  /** Queue name to weight, whole numbers above 0. Default `{ default: 1 }`. */
  readonly queues?: Readonly<Record<string, number>> | undefined;
  /** Serve a queue only when all of higher weight are empty. Default `false`: shares follow the weights. */
  readonly strictPriority?: boolean | undefined;
  /**
   * Delay before the next attempt, ms; a handler may have its own. Default asynq's: n⁴ + 15 + random(0…29) × (n + 1) s.
   * Below 0 is 0, above 30 days is 30 days; any other answer, a promise too, is logged, and the default applies.
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
  /** How long a task stays leased without a heartbeat, at least `'1s'`, whole seconds. Default `'30s'`. */
  readonly leaseDuration?: Duration | undefined;
  /** How often leases are extended and the server is registered. Default `'5s'`, at most a third of the lease. */
  readonly heartbeatInterval?: Duration | undefined;
  /** `'thread'` survives a handler that blocks the event loop; `'inline'` does not. Default `'thread'` on Redis. */
  readonly heartbeat?: 'thread' | 'inline' | undefined;
  /** How often an idle server polls a broker that cannot block. Default `'1s'`, jittered. */
  readonly taskCheckInterval?: Duration | undefined;
  /** Longest time between two checks for due tasks; due times already known are met exactly. Default `'5s'`. */
  readonly delayedTaskCheckInterval?: Duration | undefined;
  /** How often completed and archived tasks are trimmed. Default `'8s'`. */
  readonly janitorInterval?: Duration | undefined;
  /** Most tasks the janitor deletes in one script call, 1 to 1000. Default 100. */
  readonly janitorBatchSize?: number | undefined;
  /** Limits of the archive. Default `{ maxAge: '90d', maxSize: 10000 }`. Go peers trim at the default too. */
  readonly archive?: { readonly maxAge?: Duration | undefined; readonly maxSize?: number | undefined } | undefined;
  /** How long a task of unknown type waits before it is offered again. Default `'5s'`. */
  readonly unknownTypeDelay?: Duration | undefined;
  /** How long a task may lack a handler for its type before it is archived. Default `'1h'`. */
  readonly unknownTypeTimeout?: Duration | undefined;
  /** How many crashes a task may cause before it is archived. Default 5. */
  readonly maxCrashes?: number | undefined;
  /** How long after its expiry a lease counts as lost, to allow for clocks that differ. Default `'2s'`. */
  readonly recoverGrace?: Duration | undefined;
  /** Most queues with a blocking connection each; the rest are polled. Default 16. */
  readonly maxBlockingConnections?: number | undefined;
  /** How the tasks of a group become one task. Default: groups are left to other servers. */
  readonly groupAggregator?: GroupAggregatorOptions | undefined;
  /** Called after every health check. What it throws, or rejects with, is logged; a promise is not awaited. */
  readonly onHealthCheck?: ((error: Error | undefined) => void) | undefined;
  /** Default `'15s'`. Only runs when `onHealthCheck` is given. */
  readonly healthCheckInterval?: Duration | undefined;
  /** Called for every task event in this process. What it throws, or rejects with, is logged. */
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

/** The names of all options, for wrappers that pass them on. */
export const SERVER_OPTION_NAMES: readonly string[] = Object.keys(IS_OPTION);
