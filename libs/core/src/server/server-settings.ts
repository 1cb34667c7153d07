import { availableParallelism } from 'node:os';
import type { ArchiveLimits } from '../broker/contract/retention.js';
import { type Clock, CLOCK_METHODS } from '../runtime/clock.js';
import { consoleLogger, guardLogger, type Logger } from '../runtime/logger.js';
import { OptionReader } from '../runtime/option-reader.js';
import { jsonCodec, type PayloadCodec } from '../task/payload-codec.js';
import { defaultRetryDelay, type RetryDelay } from '../task/retry-delay.js';
import { guardListener, type TaskEventListener } from '../task/task-event.js';
import { queueNameProblem } from '../wire/queue-name.js';
import { type GroupPlans, readGroupAggregator } from './groups/group-aggregator.js';
import { SERVER_OPTION_NAMES, type ServerOptions } from './server-options.js';

/** {@link ServerOptions} checked, with defaults, in numbers with units. */
export interface CheckedOptions {
  readonly concurrency: number;
  /** Queue name to weight. */
  readonly queues: Readonly<Record<string, number>>;
  readonly strictPriority: boolean;
  readonly retryDelay: RetryDelay;
  readonly isFailure: (error: unknown) => boolean;
  readonly errorHandler: ServerOptions['errorHandler'];
  readonly codec: PayloadCodec;
  readonly shutdownTimeoutMs: number;
  readonly leaseMs: number;
  readonly heartbeatIntervalMs: number;
  /** `undefined`: as suits the broker. */
  readonly heartbeat: 'thread' | 'inline' | undefined;
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
  /** Never throws. */
  readonly emit: TaskEventListener | undefined;
  readonly logger: Logger;
  /** `undefined`: that of the broker. */
  readonly clock: Clock | undefined;
}

export interface ServerSettings extends CheckedOptions {
  readonly clock: Clock;
}

const DAY_MS = 24 * 3_600_000;
const LARGEST_INT32 = 2 ** 31 - 1;
/** Longest interval or time limit: a timer of Node takes 24 days at most. */
const LONGEST_INTERVAL_MS = 20 * DAY_MS;
/** Shortest time between two rounds of a loop, so that a slip such as `1` for a second does not flood Redis. */
const SHORTEST_INTERVAL_MS = 10;

/**
 * Checks the options of a server and fills in defaults.
 * @throws {InvalidOptionsError} anything is wrong; all of it at once
 */
export function resolveSettings(options: ServerOptions): CheckedOptions {
  const reader = new OptionReader(options);
  reader.onlyKnown(SERVER_OPTION_NAMES);
  if (options.connection === undefined) reader.refuse('connection', "a Redis connection or 'memory'");
  const logger = guardLogger(reader.callable('logger', consoleLogger, ['debug', 'info', 'warn', 'error']));
  const settings: CheckedOptions = {
    ...readWork(reader, options),
    ...readFailures(reader),
    ...readLease(reader),
    ...readIntervals(reader),
    ...readRetention(reader, options),
    heartbeat: reader.oneOf('heartbeat', ['thread', 'inline']),
    maxBlockingConnections: reader.wholeNumber('maxBlockingConnections', 16, 0, 10_000),
    groupPlans: readGroupAggregator(reader, options.groupAggregator),
    onHealthCheck: reader.callable('onHealthCheck', undefined),
    emit: guardListener(reader.callable('onEvent', undefined), logger),
    logger,
    clock: reader.callable('clock', undefined, CLOCK_METHODS),
  };
  reader.throwIfWrong();
  return settings;
}

function readWork(reader: OptionReader, options: ServerOptions) {
  return {
    concurrency: reader.wholeNumber('concurrency', availableParallelism(), 1, LARGEST_INT32),
    queues: readQueues(reader, options.queues),
    strictPriority: reader.boolean('strictPriority', false),
    codec: reader.callable<PayloadCodec>('codec', jsonCodec, ['encode', 'decode']),
    shutdownTimeoutMs: reader.duration('shutdownTimeout', 8_000, { maxMs: LONGEST_INTERVAL_MS }),
  };
}

function readQueues(reader: OptionReader, given: ServerOptions['queues']): Readonly<Record<string, number>> {
  if (given === undefined) return { default: 1 };
  const isRecord = typeof given === 'object' && given !== null && !Array.isArray(given);
  if (!isRecord || Object.keys(given).length === 0) {
    reader.refuse('queues', 'at least one queue with its weight, such as { default: 1 }');
    return {};
  }
  const weights = new OptionReader(given, 'queues.');
  for (const queue of Object.keys(given)) {
    reader.add(queueNameProblem('queues', queue));
    if (given[queue] === undefined) weights.refuse(queue, 'a weight');
    weights.wholeNumber(queue, 1, 1, LARGEST_INT32);
  }
  reader.add(...weights.problems);
  return { ...given };
}

function readFailures(reader: OptionReader) {
  return {
    retryDelay: reader.callable<RetryDelay>('retryDelay', defaultRetryDelay),
    isFailure: reader.callable<ServerSettings['isFailure']>('isFailure', () => true),
    errorHandler: reader.callable<ServerOptions['errorHandler']>('errorHandler', undefined),
    unknownTypeDelayMs: reader.duration('unknownTypeDelay', 5_000, { minMs: SHORTEST_INTERVAL_MS }),
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
