import { randomUUID } from 'node:crypto';
import type { NewTask } from '../broker/contract/enqueue.js';
import type { TaskTemplate } from '../broker/contract/schedules.js';
import { isInstance } from '../errors/as-error.js';
import { InvalidOptionsError, kindOf, type OptionProblem } from '../errors/invalid-options.error.js';
import { PayloadTooLargeError } from '../errors/payload-too-large.error.js';
import { isRecord } from '../runtime/is-record.js';
import { OptionReader } from '../runtime/option-reader.js';
import { isText, TEXT_ALLOWED, textProblem } from '../runtime/unicode-text.js';
import type { QueuePartitions } from '../partitions/queue-partitions.js';
import { codecErrorText, encodeWith, type PayloadCodec } from '../task/payload-codec.js';
import { MAX_RETRY_DELAY_MS } from '../task/retry-delay.js';
import type { TaskOptions } from '../task/task-options.js';
import { encodeBackoff } from '../wire/backoff-record.js';
import { queueNameProblem } from '../wire/queue-name.js';
import { uniqueKey } from '../wire/unique-key.js';
import { ceilS, durationS } from '../wire/unix-time.js';

/** Redis' own limit for a string. */
export const LARGEST_PAYLOAD_BYTES = 512 * 1024 * 1024;

const NO_BYTES = new Uint8Array();
const DEFAULT_QUEUE = 'default';
const DEFAULT_MAX_RETRY = 25;
/** asynq's, for a task that has neither timeout nor deadline. */
const DEFAULT_TIMEOUT_S = 1_800;
/** The wire's field is an int32. */
const LARGEST_MAX_RETRY = 2 ** 31 - 1;
/** Go counts durations in nanoseconds and overflows after 292 years. */
const LONGEST_MS = 100 * 365 * 24 * 3_600_000;

const OPTION_NAMES: readonly (keyof TaskOptions)[] = [
  'queue',
  'taskId',
  'maxRetry',
  'backoff',
  'timeout',
  'deadline',
  'unique',
  'processAt',
  'processIn',
  'group',
  'partitionKey',
  'retention',
  'headers',
];

/** Options of other queues, and what does the same here. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  delay: '"processIn"',
  attempts: '"maxRetry", the number of attempts after the first',
  jobId: '"taskId"',
  removeOnComplete: '"retention", how long a task that succeeded is kept; without it such a task is deleted at once',
  removeOnFail: '"archive", an option of the server',
  priority: '"queue": queues have weights, or a strict order',
  deduplication: '"unique"',
  debounce: '"unique"',
  repeat: '@PeriodicTask, or Scheduler.register',
  startAfter: '"processIn" or "processAt"',
  retryLimit: '"maxRetry"',
  singletonKey: '"unique"',
  id: '"taskId"',
};

const ITEM_NAMES: readonly (keyof EnqueueItem)[] = ['type', 'payload', 'options'];

/** One task to enqueue. */
export interface EnqueueItem {
  readonly type: string;
  /** Encoded by the codec; a `Uint8Array` is used unchanged. Default: no payload. */
  readonly payload?: unknown;
  readonly options?: TaskOptions | undefined;
}

export interface ComposeSettings {
  readonly codec: PayloadCodec;
  readonly maxPayloadBytes: number;
  /** Defaults of the task options. */
  readonly defaults: TaskOptions;
  /** Default: no queue has partitions. */
  readonly partitions?: QueuePartitions | undefined;
}

/** {@link TaskOptions}, validated and in the units of the wire. */
interface ReadOptions {
  /** The task without its type, its payload, and the name of its lock, which depends on both. */
  readonly template: TaskTemplate;
  /** Replaces the payload in the name of the lock. */
  readonly lockKey: string | undefined;
  readonly partitionKey: string | undefined;
  readonly problems: readonly OptionProblem[];
}

/**
 * Composes the task for a call of `enqueue`.
 * @throws {InvalidOptionsError} type, payload or options are wrong; all problems at once
 * @throws {PayloadTooLargeError} the encoded payload is above the limit
 */
export function composeTask(item: EnqueueItem, settings: ComposeSettings, nowMs: number): NewTask {
  const { template, place } = compose(item, settings);
  const { queue, payload, uniqueKey } = place;
  const message = { ...template.message, id: idOf(template), queue, type: item.type, payload, uniqueKey };
  return { message, ...timesOf(template, nowMs), backoff: template.backoff };
}

/**
 * The template of the tasks that a schedule enqueues.
 * @throws as {@link composeTask}
 */
export function composeTemplate(item: EnqueueItem, settings: ComposeSettings): TaskTemplate {
  const { template, place } = compose(item, settings);
  return { ...template, message: { ...template.message, type: item.type, ...place } };
}

/** What depends on the payload, too. */
interface Place {
  readonly queue: string;
  readonly payload: Uint8Array;
  readonly uniqueKey: string;
}

function compose(item: EnqueueItem, settings: ComposeSettings): { template: TaskTemplate; place: Place } {
  const reader = new OptionReader(item, '', 'item');
  reader.onlyKnown(ITEM_NAMES);
  reader.throwIfWrong();
  const { type, payload } = item;
  const options = item.options ?? undefined;
  const read =
    options === undefined ? withoutOptions(settings) : readTaskOptions(withDefaults(options, settings.defaults));
  const encoded = encodePayload(payload, settings.codec);
  if (!isText(type) || encoded.problem || read.problems.length > 0) {
    const problems = [textProblem('type', type), encoded.problem, ...read.problems];
    throw new InvalidOptionsError(problems.filter((problem) => problem !== undefined));
  }
  const { bytes } = encoded;
  if (bytes.length > settings.maxPayloadBytes) {
    throw new PayloadTooLargeError(type, bytes.length, settings.maxPayloadBytes);
  }
  const { template, lockKey, partitionKey } = read;
  // asynq's lock of a nil payload differs from that of an empty payload.
  const lockedBytes = payload === undefined && bytes.length === 0 ? undefined : bytes;
  const lockIn = (name: string): string =>
    template.uniqueTtlMs === undefined ? '' : uniqueKey(name, type, lockedBytes, lockKey);
  const { queue: logical, groupKey, id } = template.message;
  const queue = settings.partitions?.of(logical)
    ? settings.partitions.choose(logical, partitionKey ?? (groupKey || lockIn(logical) || id || undefined))
    : logical;
  return { template, place: { queue, payload: bytes, uniqueKey: lockIn(queue) } };
}

/** The defaults alone, as most tasks have them: read once. */
function withoutOptions(settings: ComposeSettings): ReadOptions {
  let read = readDefaults.get(settings);
  if (!read) readDefaults.set(settings, (read = readTaskOptions(settings.defaults)));
  return read;
}

const readDefaults = new WeakMap<ComposeSettings, ReadOptions>();

/** The problems of the options; `path` is the prefix of their names. */
export function taskOptionProblems(options: TaskOptions, path: string): readonly OptionProblem[] {
  return readTaskOptions(options, path).problems;
}

/** A task's own option replaces the default of the same name; its start time replaces either form of the default one. */
function withDefaults(given: TaskOptions, defaults: TaskOptions): TaskOptions {
  if (typeof given !== 'object' || Array.isArray(given)) return given; // refused later
  if (Object.keys(defaults).length === 0) return given;
  const isPresent = ([, value]: [string, unknown]): boolean => value !== undefined;
  const own = Object.fromEntries(Object.entries(given).filter(isPresent)) as TaskOptions;
  const { processIn, processAt, ...others } = defaults;
  const hasOwnStart = own.processIn !== undefined || own.processAt !== undefined;
  return hasOwnStart ? { ...others, ...own } : { ...others, processIn, processAt, ...own };
}

function readTaskOptions(options: TaskOptions, path = ''): ReadOptions {
  const reader = new OptionReader(options, path);
  reader.onlyKnown(OPTION_NAMES, ELSEWHERE);
  if (options.queue !== undefined) reader.add(queueNameProblem(`${path}queue`, options.queue));
  const deadlineS = ceilS(reader.date('deadline') ?? 0);
  const timeoutMs = reader.duration('timeout', undefined, { minMs: 1_000, maxMs: LONGEST_MS });
  const defaultTimeoutS = deadlineS === 0 ? DEFAULT_TIMEOUT_S : 0;
  const unique = readUnique(reader, options.unique, path);
  const template: TaskTemplate = {
    message: {
      type: '',
      payload: NO_BYTES,
      id: reader.text('taskId', undefined) ?? '',
      queue: options.queue ?? DEFAULT_QUEUE,
      maxRetry: reader.wholeNumber('maxRetry', DEFAULT_MAX_RETRY, 0, LARGEST_MAX_RETRY),
      retried: 0,
      errorMsg: '',
      timeoutS: BigInt(timeoutMs === undefined ? defaultTimeoutS : durationS(timeoutMs)),
      deadlineS: BigInt(deadlineS),
      uniqueKey: '',
      lastFailedAtS: 0n,
      retentionS: BigInt(durationS(reader.duration('retention', 0, { maxMs: LONGEST_MS }))),
      completedAtS: 0n,
      groupKey: reader.text('group', undefined) ?? '',
      headers: readHeaders(reader, options.headers),
    },
    ...readStart(reader, options),
    uniqueTtlMs: unique?.ttlMs,
    backoff: readBackoff(reader, options.backoff, path),
  };
  const partitionKey = readPartitionKey(reader, options.partitionKey);
  return { template, lockKey: unique?.key, partitionKey, problems: reader.problems };
}

/** The start time; without either option: at once. */
function readStart(
  reader: OptionReader,
  options: TaskOptions,
): { readonly processAtMs: number | undefined; readonly processInMs: number | undefined } {
  if (options.processAt !== undefined && options.processIn !== undefined) {
    reader.refuse('processAt', 'either processAt or processIn');
  }
  const processAtMs = reader.date('processAt');
  return { processAtMs, processInMs: reader.duration('processIn', undefined, { maxMs: LONGEST_MS }) };
}

function readBackoff(reader: OptionReader, given: TaskOptions['backoff'], path: string): string | undefined {
  if (given === undefined) return undefined;
  const bounds = { maxMs: MAX_RETRY_DELAY_MS };
  if (typeof given !== 'object' || !isRecord(given)) {
    const delayMs = reader.duration('backoff', 0, bounds);
    return encodeBackoff({ kind: 'fixed', delayMs, maxMs: MAX_RETRY_DELAY_MS, jitter: 0 });
  }
  const own = new OptionReader(given, `${path}backoff.`);
  own.onlyKnown(['type', 'delay', 'maxDelay', 'jitter']);
  if (given.delay === undefined) own.refuse('delay', "how long to wait before a retry, such as '10s'");
  const { jitter = 0 } = given;
  const isShare = typeof jitter === 'number' && jitter >= 0 && jitter <= 1;
  if (!isShare) own.refuse('jitter', 'a number from 0 to 1');
  const record = {
    kind: own.oneOf('type', ['fixed', 'exponential']) ?? 'fixed',
    delayMs: own.duration('delay', 0, bounds),
    maxMs: own.duration('maxDelay', MAX_RETRY_DELAY_MS, bounds),
    jitter: isShare ? jitter : 0,
  };
  reader.add(...own.problems);
  return encodeBackoff(record);
}

interface Unique {
  readonly ttlMs: number;
  readonly key: string | undefined;
}

function readUnique(reader: OptionReader, given: TaskOptions['unique'], path: string): Unique | undefined {
  if (given === undefined) return undefined;
  const bounds = { minMs: 1_000, maxMs: LONGEST_MS };
  if (typeof given !== 'object' || !isRecord(given)) {
    return { ttlMs: reader.duration('unique', bounds.minMs, bounds), key: undefined };
  }
  const lock = new OptionReader(given, `${path}unique.`);
  lock.onlyKnown(['ttl', 'key']);
  if (given.ttl === undefined) lock.refuse('ttl', "how long the lock is held, such as '1h'");
  const unique = { ttlMs: lock.duration('ttl', bounds.minMs, bounds), key: given.key };
  // Like a payload, the key must not be shown.
  if (given.key !== undefined && !isText(given.key)) lock.refuse('key', TEXT_ALLOWED, kindOf(given.key));
  reader.add(...lock.problems);
  return unique;
}

function readPartitionKey(reader: OptionReader, given: string | undefined): string | undefined {
  // Like a payload, it must not be shown.
  if (given !== undefined && !isText(given)) reader.refuse('partitionKey', TEXT_ALLOWED, kindOf(given));
  return given;
}

function readHeaders(reader: OptionReader, given: TaskOptions['headers']): Readonly<Record<string, string>> {
  if (given === undefined) return {};
  if (!isPlainObject(given)) {
    reader.refuse('headers', 'an object of text values', kindOf(given));
    return {};
  }
  for (const [name, value] of Object.entries(given)) {
    if (!name.isWellFormed()) reader.refuse('headers', 'names in valid Unicode');
    const isFine = typeof value === 'string' && value.isWellFormed();
    if (!isFine) reader.refuse(`headers.${name}`, 'text in valid Unicode', kindOf(value));
  }
  return { ...given };
}

function isPlainObject(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function encodePayload(payload: unknown, codec: PayloadCodec): { bytes: Uint8Array; problem?: OptionProblem } {
  if (isInstance(payload, Uint8Array)) return { bytes: payload };
  try {
    return { bytes: encodeWith(codec, payload) };
  } catch (error) {
    const allowed = `what the codec encodes (${codecErrorText(error)})`;
    return { bytes: NO_BYTES, problem: { option: 'payload', value: kindOf(payload), allowed } };
  }
}

/** A task from the template, enqueued now. */
export function taskOf(template: TaskTemplate, nowMs: number): NewTask {
  return {
    message: { ...template.message, id: idOf(template) },
    ...timesOf(template, nowMs),
    backoff: template.backoff,
  };
}

const idOf = ({ message }: TaskTemplate): string => message.id || randomUUID();

function timesOf(
  { processAtMs: fixedAtMs, processInMs, uniqueTtlMs }: TaskTemplate,
  nowMs: number,
): Pick<NewTask, 'processAtMs' | 'uniqueTtlS'> {
  const processAtMs = processInMs === undefined ? fixedAtMs : Math.ceil(nowMs + processInMs);
  return {
    processAtMs,
    uniqueTtlS: uniqueTtlMs === undefined ? undefined : uniqueTtlS(uniqueTtlMs, processAtMs, nowMs),
  };
}

/** The lock of a delayed task outlives its delay. Whole seconds, at least one: Redis refuses an expiry of zero. */
function uniqueTtlS(ttlMs: number, processAtMs: number | undefined, nowMs: number): number {
  const waitMs = Math.max(0, (processAtMs ?? nowMs) - nowMs);
  return Math.max(1, durationS(waitMs + ttlMs));
}
