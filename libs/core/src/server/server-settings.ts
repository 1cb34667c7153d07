import { availableParallelism } from 'node:os';
import type { Broker } from '../broker/contract/broker.js';
import type { ArchiveLimits } from '../broker/contract/retention.js';
import { type PublishSettings, readPublishOptions } from '../events/publish-options.js';
import { namingPartitions } from '../partitions/partition-event.js';
import { MOST_PARTITIONS } from '../partitions/partition-name.js';
import { partitionProblems } from '../partitions/queue-partitions.js';
import { type Clock, CLOCK_METHODS } from '../runtime/clock.js';
import { consoleLogger, guardLogger, type Logger, LOGGER_METHODS } from '../runtime/logger.js';
import { isRecord } from '../runtime/is-record.js';
import { OptionReader } from '../runtime/option-reader.js';
import { type CarriedFields, readCarried } from '../task/carried-fields.js';
import { jsonCodec, type PayloadCodec } from '../task/payload-codec.js';
import { defaultRetryDelay, type RetryDelay } from '../task/retry-delay.js';
import { guardListener, type TaskEventListener } from '../task/task-event.js';
import type { TaskTracing } from '../task/task-tracing.js';
import { queueNameProblem } from '../wire/queue-name.js';
import { type GroupPlans, readGroupAggregator } from './groups/group-aggregator.js';
import { dutyLeaseMs } from './watch/duties.js';
import { SERVER_OPTION_NAMES, type ServerOptions } from './server-options.js';

/** Validated {@link ServerOptions} with defaults, as numbers with units. */
interface CheckedOptions {
  readonly concurrency: number;
  /** 0: nothing is read ahead. */
  readonly readAheadMs: number;
  /** Queue name to weight. */
  readonly queues: Readonly<Record<string, number>>;
  /** Queue name to number of partitions, of those that have some. */
  readonly partitions: Readonly<Record<string, number>>;
  /** Queue name to the most tasks that run at one time, of those that have such a limit. */
  readonly queueLimits: Readonly<Record<string, number>>;
  readonly strictPriority: boolean;
  readonly retryDelay: RetryDelay;
  readonly isFailure: (error: unknown) => boolean;
  readonly errorHandler: ServerOptions['errorHandler'];
  readonly codec: PayloadCodec;
  readonly shutdownTimeoutMs: number;
  readonly leaseMs: number;
  readonly heartbeatIntervalMs: number;
  /** `undefined`: depends on the broker. */
  readonly heartbeat: 'thread' | 'inline' | undefined;
  readonly onDeafHandler: 'keep' | 'exit' | undefined;
  readonly taskCheckIntervalMs: number;
  readonly delayedTaskCheckIntervalMs: number;
  readonly janitorIntervalMs: number;
  readonly janitorBatchSize: number;
  readonly archive: ArchiveLimits;
  readonly unknownTypeDelayMs: number;
  readonly unknownTypeTimeoutMs: number;
  readonly maxCrashes: number;
  readonly recoverGraceMs: number;
  readonly maxBlockingConnections: number;
  /** `undefined`: this server aggregates no groups. */
  readonly groupPlans: GroupPlans | undefined;
  readonly onHealthCheck: ServerOptions['onHealthCheck'];
  readonly healthCheckIntervalMs: number;
  readonly tracing: TaskTracing | undefined;
  readonly carried: CarriedFields | undefined;
  /** `undefined`: no events are published. */
  readonly publishing: PublishSettings | undefined;
  /** Never throws. */
  readonly emit: TaskEventListener | undefined;
  readonly logger: Logger;
  /** `undefined`: that of the broker. */
  readonly clock: Clock | undefined;
}

export interface ServerSettings extends CheckedOptions {
  readonly clock: Clock;
  /** How long this server's duties outlive it. */
  readonly dutyLeaseMs: number;
}

const DAY_MS = 24 * 3_600_000;
/** Lease on a clock that leaps. Its end, as unix s, still fits 32 bits at the end of this century. */
const UNENDING_LEASE_MS = 365 * DAY_MS;
const LARGEST_INT32 = 2 ** 31 - 1;
/** Maximum interval or time limit: Node's timers are limited to 24 days. */
const LONGEST_INTERVAL_MS = 20 * DAY_MS;
/** Tasks that are held longer would be missing elsewhere. */
const LONGEST_READ_AHEAD_MS = 1_000;
/** Minimum interval of a loop, so that a mistake such as `1` for a second does not flood Redis. */
const SHORTEST_INTERVAL_MS = 10;

/**
 * Checks the options of a server and fills in defaults.
 * @throws {InvalidOptionsError} anything is wrong; all of it at once
 */
export function resolveSettings(options: ServerOptions): CheckedOptions {
  const reader = new OptionReader(options);
  reader.onlyKnown(SERVER_OPTION_NAMES);
  if (options.connection === undefined) reader.refuse('connection', "a Redis connection or 'memory'");
  const logger = guardLogger(reader.callable('logger', consoleLogger, LOGGER_METHODS));
  const settings: CheckedOptions = {
    ...readWork(reader, options),
    ...readFailures(reader),
    ...readLease(reader),
    ...readIntervals(reader),
    ...readRetention(reader, options),
    heartbeat: reader.oneOf('heartbeat', ['thread', 'inline']),
    onDeafHandler: reader.oneOf('onDeafHandler', ['keep', 'exit']),
    maxBlockingConnections: reader.wholeNumber('maxBlockingConnections', 16, 0, 10_000),
    groupPlans: readGroupAggregator(reader, options.groupAggregator),
    onHealthCheck: reader.callable('onHealthCheck', undefined),
    tracing: reader.callable('tracing', undefined, ['open']),
    carried: readCarried(reader),
    publishing: readPublishOptions(reader, options.publishEvents),
    emit: namingPartitions(guardListener(reader.callable('onEvent', undefined), logger)),
    logger,
    clock: reader.callable('clock', undefined, CLOCK_METHODS),
  };
  reader.throwIfWrong();
  return settings;
}

/**
 * The settings of a server on a clock. Where the clock of a memory broker leaps, leases do not end, and due times are met
 * without looking for them: all servers are in this process, and all changes are announced.
 */
export function onClock(settings: CheckedOptions, clock: Clock, broker: Broker['kind']): ServerSettings {
  if (!clock.leaps || broker !== 'memory') return { ...settings, clock, dutyLeaseMs: dutyLeaseMs(settings.leaseMs) };
  return {
    ...settings,
    clock,
    leaseMs: UNENDING_LEASE_MS,
    dutyLeaseMs: UNENDING_LEASE_MS,
    heartbeatIntervalMs: UNENDING_LEASE_MS / 3,
    delayedTaskCheckIntervalMs: UNENDING_LEASE_MS,
  };
}

function readWork(reader: OptionReader, options: ServerOptions) {
  return {
    concurrency: reader.wholeNumber('concurrency', availableParallelism(), 1, LARGEST_INT32),
    readAheadMs: reader.duration('readAhead', 20, { maxMs: LONGEST_READ_AHEAD_MS }),
    ...readQueues(reader, options.queues),
    strictPriority: reader.boolean('strictPriority', false),
    codec: reader.callable<PayloadCodec>('codec', jsonCodec, ['encode', 'decode']),
    shutdownTimeoutMs: reader.duration('shutdownTimeout', 8_000, { maxMs: LONGEST_INTERVAL_MS }),
  };
}

type QueueSettings = Pick<CheckedOptions, 'queues' | 'partitions' | 'queueLimits'>;

function readQueues(reader: OptionReader, given: ServerOptions['queues']): QueueSettings {
  if (given === undefined) return { queues: { default: 1 }, partitions: {}, queueLimits: {} };
  if (!isRecord(given) || Object.keys(given).length === 0) {
    reader.refuse('queues', 'at least one queue with its weight, such as { default: 1 }');
    return { queues: {}, partitions: {}, queueLimits: {} };
  }
  const queues: [name: string, weight: number][] = [];
  const partitions: [name: string, count: number][] = [];
  const limits: [name: string, most: number][] = [];
  const weights = new OptionReader(given, 'queues.');
  for (const [queue, value] of Object.entries(given)) {
    reader.add(queueNameProblem('queues', queue));
    if (typeof value === 'object' && value !== null) {
      const own = new OptionReader(value, `queues.${queue}.`);
      own.onlyKnown(['weight', 'partitions', 'concurrency']);
      queues.push([queue, own.wholeNumber('weight', 1, 1, LARGEST_INT32)]);
      const count = own.wholeNumber('partitions', 0, 1, MOST_PARTITIONS);
      if (count > 0) partitions.push([queue, count]);
      const most = own.wholeNumber('concurrency', 0, 1, LARGEST_INT32);
      if (most > 0) limits.push([queue, most]);
      reader.add(...own.problems);
    } else {
      if (value === undefined) weights.refuse(queue, 'a weight');
      queues.push([queue, weights.wholeNumber(queue, 1, 1, LARGEST_INT32)]);
    }
  }
  const counts = Object.fromEntries(partitions);
  reader.add(...weights.problems, ...partitionProblems('queues', counts, Object.keys(given)));
  return { queues: Object.fromEntries(queues), partitions: counts, queueLimits: Object.fromEntries(limits) };
}

function readFailures(reader: OptionReader) {
  return {
    retryDelay: reader.callable<RetryDelay>('retryDelay', defaultRetryDelay),
    isFailure: reader.callable<ServerSettings['isFailure']>('isFailure', () => true),
    errorHandler: reader.callable<ServerOptions['errorHandler']>('errorHandler', undefined),
    unknownTypeDelayMs: reader.duration('unknownTypeDelay', 5_000, {
      minMs: SHORTEST_INTERVAL_MS,
      maxMs: LONGEST_INTERVAL_MS,
    }),
    unknownTypeTimeoutMs: reader.duration('unknownTypeTimeout', 3_600_000),
    maxCrashes: reader.wholeNumber('maxCrashes', 5, 1, LARGEST_INT32),
    recoverGraceMs: reader.duration('recoverGrace', 2_000, { maxMs: LONGEST_INTERVAL_MS }),
  };
}

function readLease(reader: OptionReader) {
  const leaseMs = reader.duration('leaseDuration', 30_000, { minMs: 1_000, maxMs: LONGEST_INTERVAL_MS });
  if (leaseMs % 1_000 !== 0) reader.refuse('leaseDuration', 'whole seconds');
  // Two beats may fail before a lease is lost.
  const longestBeatMs = Math.floor(leaseMs / 3);
  const bounds = { minMs: SHORTEST_INTERVAL_MS, maxMs: longestBeatMs };
  const heartbeatIntervalMs = reader.duration('heartbeatInterval', Math.min(5_000, longestBeatMs), bounds);
  return { leaseMs, heartbeatIntervalMs };
}

function readIntervals(reader: OptionReader) {
  const bounds = { minMs: SHORTEST_INTERVAL_MS, maxMs: LONGEST_INTERVAL_MS };
  return {
    taskCheckIntervalMs: reader.duration('taskCheckInterval', 1_000, bounds),
    delayedTaskCheckIntervalMs: reader.duration('delayedTaskCheckInterval', 5_000, bounds),
    janitorIntervalMs: reader.duration('janitorInterval', 8_000, bounds),
    healthCheckIntervalMs: reader.duration('healthCheckInterval', 15_000, bounds),
  };
}

function readRetention(reader: OptionReader, options: ServerOptions) {
  const archive = new OptionReader(options.archive ?? {}, 'archive.');
  archive.onlyKnown(['maxAge', 'maxSize']);
  const limits: ArchiveLimits = {
    maxAgeMs: archive.duration('maxAge', 90 * DAY_MS),
    maxSize: archive.wholeNumber('maxSize', 10_000, 0, LARGEST_INT32),
  };
  reader.add(...archive.problems);
  return { archive: limits, janitorBatchSize: reader.wholeNumber('janitorBatchSize', 100, 1, 1_000) };
}
