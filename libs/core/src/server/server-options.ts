import type { Connection } from '../broker/connection.js';
import type { Clock } from '../runtime/clock.js';
import type { Duration } from '../runtime/duration.js';
import type { Logger } from '../runtime/logger.js';
import type { CarriedFields } from '../task/carried-fields.js';
import type { PublishOptions } from '../events/publish-options.js';
import type { PayloadCodec } from '../task/payload-codec.js';
import type { RetryDelay } from '../task/retry-delay.js';
import type { TaskEventListener } from '../task/task-event.js';
import type { TaskTracing } from '../task/task-tracing.js';
import type { GroupAggregatorOptions } from './groups/group-aggregator.js';
import type { ErrorHandler } from './run/running/attempt.js';

/** How a server serves a queue. */
export interface QueueOptions {
  /** A whole number above 0. Default 1. */
  readonly weight?: number | undefined;
  /**
   * Spreads the queue over this number of ordinary queues, 1 to 64, in different slots of a Redis Cluster. Clients need
   * the same number. The weight is that of the whole queue. Default: none.
   */
  readonly partitions?: number | undefined;
  /**
   * Maximum number of the queue's tasks that run at one time in this server; 1 or more. Further ones stay in the queue, for
   * other servers too, and other queues use the slots. Default: `concurrency` of the server alone limits it.
   */
  readonly concurrency?: number | undefined;
}

/** Options of a server. Only `connection` is required. Defaults follow asynq where it has the option. */
export interface ServerOptions {
  /** Where the queues are stored. A broker that is passed in stays open at shutdown. */
  readonly connection: Connection;
  /** Maximum number of concurrent handlers. Default: the number of CPUs. */
  readonly concurrency?: number | undefined;
  /**
   * For how long ahead tasks are fetched that have no free slot yet, by the pace of the last moments; at most 1,000 of a queue. With
   * short handlers a slot so waits for no round trip. Handlers that take longer have no tasks fetched ahead; of a task that waits
   * for more than three times as long, and of all when the queue is paused or the server stops, the next server takes over. It is
   * also the longest that a task of a more important queue waits for such tasks. Default `'20ms'`, at most `'1s'`; 0 turns it off.
   */
  readonly readAhead?: Duration | undefined;
  /**
   * Queue name to weight, a whole number above 0, or to weight, number of partitions and most running tasks:
   * `{ email: { weight: 3, partitions: 8 }, images: { concurrency: 2 } }`.
   * Partitions beyond the number are served as well while they hold tasks. Default `{ default: 1 }`.
   */
  readonly queues?: Readonly<Record<string, number | QueueOptions>> | undefined;
  /** Serve a queue only while all queues of higher weight are empty. Default `false`: shares follow the weights. */
  readonly strictPriority?: boolean | undefined;
  /**
   * Delay before the next attempt, ms; a handler may have its own. Default asynq's: n⁴ + 15 + random(0…29) × (n + 1) s.
   * Above 30 days is 30 days; any other answer but a number of at least 0 is logged, and the default applies.
   */
  readonly retryDelay?: RetryDelay | undefined;
  /**
   * `false`: retry without counting it as a failure. Default: every error counts. Must return `true` or `false`
   * synchronously: any other value, such as a promise, is logged, and the error counts.
   */
  readonly isFailure?: ((error: unknown) => boolean) | undefined;
  /**
   * Called with every error of a handler, before the outcome is stored, which waits for it for at most 10 s. Errors and
   * rejections are logged.
   */
  readonly errorHandler?: ErrorHandler | undefined;
  /** Reads payloads. Default JSON. */
  readonly codec?: PayloadCodec | undefined;
  /** How long shutdown waits for running handlers before it aborts and requeues them. Default `'8s'`. */
  readonly shutdownTimeout?: Duration | undefined;
  /**
   * What to do 10 s after a handler has begun to ignore its `signal`, which costs a slot. `'keep'`: nothing, the slot
   * is free when the handler ends. `'exit'`: the server shuts down, and the process exits with code 1, so that a
   * supervisor restarts it. Default `'keep'`.
   */
  readonly onDeafHandler?: 'keep' | 'exit' | undefined;
  /** How long a task stays leased without a heartbeat, at least `'1s'`, whole seconds. Default `'30s'`. */
  readonly leaseDuration?: Duration | undefined;
  /** How often leases are extended and the server is registered. Default `'5s'`, at most a third of the lease. */
  readonly heartbeatInterval?: Duration | undefined;
  /** `'thread'` survives a handler that blocks the event loop; `'inline'` does not. Default `'thread'` on Redis. */
  readonly heartbeat?: 'thread' | 'inline' | undefined;
  /** Poll interval of queues beyond `maxBlockingConnections`, and of all where Redis cannot block. Default `'1s'`, jittered. */
  readonly taskCheckInterval?: Duration | undefined;
  /** Maximum interval between checks for due tasks; known due times are met exactly. Default `'5s'`. */
  readonly delayedTaskCheckInterval?: Duration | undefined;
  /** How often completed and archived tasks are trimmed. Default `'8s'`. */
  readonly janitorInterval?: Duration | undefined;
  /** Maximum number of tasks that the janitor deletes in one script call, 1 to 1000. Default 100. */
  readonly janitorBatchSize?: number | undefined;
  /** Limits of the archive. Default `{ maxAge: '90d', maxSize: 10000 }`. Go peers trim at the default too. */
  readonly archive?: { readonly maxAge?: Duration | undefined; readonly maxSize?: number | undefined } | undefined;
  /** How long a task of unknown type waits before it is offered again. Default `'5s'`. */
  readonly unknownTypeDelay?: Duration | undefined;
  /** How long a task may wait without a handler for its type before it is archived. Default `'1h'`. */
  readonly unknownTypeTimeout?: Duration | undefined;
  /**
   * How many workers may be lost with a task that is alone on them before it is archived. A task that was in hand at two crashes or more
   * runs in ever smaller company, and at last alone. Default 5.
   */
  readonly maxCrashes?: number | undefined;
  /** How long after its expiry a lease counts as lost, to allow for clocks that differ. Default `'2s'`. */
  readonly recoverGrace?: Duration | undefined;
  /**
   * Maximum number of queues, including each partition, with a blocking connection; the rest share two per node. Default 16.
   */
  readonly maxBlockingConnections?: number | undefined;
  /** How the tasks of a group are combined into one. Default: groups are left to other servers. */
  readonly groupAggregator?: GroupAggregatorOptions | undefined;
  /** Called after every health check. Errors and rejections are logged; a promise is not awaited. */
  readonly onHealthCheck?: ((error: Error | undefined) => void) | undefined;
  /** Default `'15s'`. Only runs when `onHealthCheck` is given. */
  readonly healthCheckInterval?: Duration | undefined;
  /** Traces attempts and groups: `openTelemetry()` of the entry `@nestjs-asynq/core/tracing`. Default: none. */
  readonly tracing?: TaskTracing | undefined;
  /** Restores fields that the enqueuer's `carry` has put into the headers, around each handler. Default: none. */
  readonly carry?: CarriedFields | undefined;
  /**
   * Publishes the events of attempts to the streams of their queues, which `QueueEvents` reads in any process. Default
   * `false`.
   */
  readonly publishEvents?: boolean | PublishOptions | undefined;
  /** Called for every task event in this process. Errors and rejections are logged. */
  readonly onEvent?: TaskEventListener | undefined;
  /** Default: warnings and errors to the console. */
  readonly logger?: Logger | undefined;
  /** Default: the broker's. For tests. */
  readonly clock?: Clock | undefined;
}

/** A record, so that the compiler reports a missing option. */
const IS_OPTION: Readonly<Record<keyof ServerOptions, true>> = {
  connection: true,
  concurrency: true,
  readAhead: true,
  queues: true,
  strictPriority: true,
  retryDelay: true,
  isFailure: true,
  errorHandler: true,
  codec: true,
  shutdownTimeout: true,
  onDeafHandler: true,
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
  tracing: true,
  carry: true,
  publishEvents: true,
  onEvent: true,
  logger: true,
  clock: true,
};

/** The names of all options, for wrappers that pass them on. */
export const SERVER_OPTION_NAMES: readonly string[] = Object.keys(IS_OPTION);
