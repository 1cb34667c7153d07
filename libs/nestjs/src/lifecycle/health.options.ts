import type { Duration, ServerProblemOptions } from '@nestjs-asynq/core';
import { LONGEST_TIMER_MS, OptionReader } from '@nestjs-asynq/core/internal';

/** From which values on a queue makes the check fail. */
export interface QueueThresholds {
  /** How long the oldest pending task may wait. */
  readonly latency?: Duration | undefined;
  /** How many tasks may be in the queue, in all states but completed and archived. */
  readonly size?: number | undefined;
  /** How many tasks may be archived in an hour. */
  readonly archivedPerHour?: number | undefined;
}

/** Which connection to check. */
export interface HealthTarget {
  /** Name of the connection. Default: `'default'`, or the only one of the app. */
  readonly connection?: string | undefined;
}

/** What to check, and how long to wait. */
export interface AsynqHealthOptions extends HealthTarget {
  /** How long Redis may take to answer. Default `'1s'`. */
  readonly timeout?: Duration | undefined;
  /** Limits by the names of queues. Paused queues, and queues that nobody has used, are not checked. Default: none. */
  readonly queues?: Readonly<Record<string, QueueThresholds>> | undefined;
}

/** When a process must be restarted. */
export interface AsynqLivenessOptions extends HealthTarget, ServerProblemOptions {}

/** {@link AsynqHealthOptions} in ms, without the connection. */
export interface HealthLimits {
  readonly timeoutMs: number;
  readonly queues: readonly QueueLimits[];
}

/** {@link QueueThresholds} of a queue in ms. */
export interface QueueLimits {
  readonly queue: string;
  readonly latencyMs: number | undefined;
  readonly size: number | undefined;
  readonly archivedPerHour: number | undefined;
}

/** How long Redis may take to answer a probe. */
export const DEFAULT_TIMEOUT_MS = 1_000;
const MOST_TASKS = 2 ** 31 - 1;

/** @throws {InvalidOptionsError} an option is wrong; all of them at once */
export function readHealthOptions(options: AsynqHealthOptions): HealthLimits {
  const reader = new OptionReader(options);
  reader.onlyKnown(['connection', 'timeout', 'queues']);
  const timeoutMs = reader.duration('timeout', DEFAULT_TIMEOUT_MS, { minMs: 1, maxMs: LONGEST_TIMER_MS });
  const given = new OptionReader(options.queues ?? {}, 'queues.');
  reader.add(...given.problems);
  const queues = given.problems.length > 0 ? [] : Object.entries(options.queues ?? {});
  const limits = queues.map(([queue, thresholds]) => readThresholds(queue, thresholds, reader));
  reader.throwIfWrong();
  return { timeoutMs, queues: limits };
}

function readThresholds(queue: string, thresholds: QueueThresholds, reader: OptionReader): QueueLimits {
  const own = new OptionReader(thresholds, `queues.${queue}.`);
  own.onlyKnown(['latency', 'size', 'archivedPerHour']);
  const count = (name: 'size' | 'archivedPerHour'): number | undefined =>
    thresholds?.[name] === undefined ? undefined : own.wholeNumber(name, 0, 0, MOST_TASKS);
  const limits = {
    queue,
    latencyMs: own.duration('latency', undefined),
    size: count('size'),
    archivedPerHour: count('archivedPerHour'),
  };
  reader.add(...own.problems);
  return limits;
}
