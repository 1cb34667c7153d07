import type { Connection } from '../broker/connection.js';
import { openConnection } from '../broker/open-broker.js';
import type { Broker } from '../broker/contract/broker.js';
import { ENOUGH_FOR_A_CALL, type EnqueueOutcome, type NewTask } from '../broker/contract/enqueue.js';
import { asError } from '../errors/as-error.js';
import { ClosedError } from '../errors/closed.error.js';
import { InvalidOptionsError, kindOf } from '../errors/invalid-options.error.js';
import { namingPartitions } from '../partitions/partition-event.js';
import { EventPublisher, publishingTo } from '../events/event-publisher.js';
import { type PublishOptions, type PublishSettings, readPublishOptions } from '../events/publish-options.js';
import { QueuePartitions, readPartitions } from '../partitions/queue-partitions.js';
import { type Clock, CLOCK_METHODS, monotonicMs, systemClock } from '../runtime/clock.js';
import { consoleLogger, guardLogger, type Logger, LOGGER_METHODS } from '../runtime/logger.js';
import { type Duration, durationMs } from '../runtime/duration.js';
import { OptionReader } from '../runtime/option-reader.js';
import { WaitedCount } from '../runtime/waited-count.js';
import { within } from '../runtime/within.js';
import { jsonCodec, type PayloadCodec } from '../task/payload-codec.js';
import { type CarriedFields, headersOfContext, readCarried } from '../task/carried-fields.js';
import { guardListener, type TaskEventListener } from '../task/task-event.js';
import type { EnqueuedTask } from '../task/task-handle.js';
import type { TaskOptions } from '../task/task-options.js';
import { type TaskTracer, type TaskTracing, withHeaders } from '../task/task-tracing.js';
import { ClientEnqueuedTask, type HandleDeps } from './client-task-handle.js';
import {
  type ComposeSettings,
  composeTask,
  type EnqueueItem,
  LARGEST_PAYLOAD_BYTES,
  taskOptionProblems,
} from './enqueue-options.js';
import { enqueueRefusal } from './enqueue-refusal.js';
import { enqueuedEvent } from './enqueued-event.js';
import { PartitionAnnouncer } from './partition-announcer.js';
import { placeOfProgram } from './traced-place.js';
import { TaskWaiter } from './task-waiter.js';

/** Options of a client. Only `connection` is required. */
export interface ClientOptions {
  /** Where the queues are stored. A broker that is passed in stays open at `close()`. */
  readonly connection: Connection;
  /** Writes payloads. Default JSON, which Go workers read. */
  readonly codec?: PayloadCodec | undefined;
  /** Largest encoded payload, bytes. Default 1 MiB. */
  readonly maxPayloadBytes?: number | undefined;
  /**
   * Queue name to number of partitions, 1 to 64, for queues that servers serve with `partitions`. Tasks of clients
   * without this option go to the queue's own name, which those servers serve as well. Default: none.
   */
  readonly partitions?: Readonly<Record<string, number>> | undefined;
  /**
   * How long `enqueue` and `enqueueMany` try to write a task while Redis is unavailable or fails temporarily, at most `'50s'`. Then
   * they fail with the reason. A wrong password, a refused database and other permanent failures are reported at once. Default `'5s'`.
   */
  readonly enqueueTimeout?: Duration | undefined;
  /** Defaults of the task options, read once: later changes of the object have no effect. */
  readonly defaults?: TaskOptions | undefined;
  /** Traces tasks: `openTelemetry()` of the entry `@nestjs-asynq/core/tracing`. Default: none. */
  readonly tracing?: TaskTracing | undefined;
  /** Fields of the program's context that travel with the tasks: see `carryFields`. Default: none. */
  readonly carry?: CarriedFields | undefined;
  /**
   * Publishes the event `enqueued` to the stream of the queue, which `QueueEvents` reads in any process. Default `false`.
   */
  readonly publishEvents?: boolean | PublishOptions | undefined;
  /** Called for every enqueued task. Errors and rejections are logged. */
  readonly onEvent?: TaskEventListener | undefined;
  /** Default: warnings and errors to the console. */
  readonly logger?: Logger | undefined;
  /** Default: the broker's. For tests. */
  readonly clock?: Clock | undefined;
}

type Headers = Readonly<Record<string, string>>;

/** What the parts of a call share. */
interface Call {
  readonly composedAtMs: number;
  /** By the monotonic clock. */
  readonly startedAtMs: number;
  /** Resolves when Redis' time is known; `undefined`: it is. */
  readonly right: Promise<unknown> | undefined;
}

/** The result for one task of `enqueueMany`. */
export type EnqueueResult =
  | { readonly task: EnqueuedTask; readonly error?: undefined }
  /** The task was not written; after a `RedisCommandError` that is unknown. */
  | { readonly task?: undefined; readonly error: Error };

export const CLIENT_OPTION_NAMES: readonly (keyof ClientOptions)[] = [
  'connection',
  'codec',
  'maxPayloadBytes',
  'enqueueTimeout',
  'partitions',
  'defaults',
  'tracing',
  'carry',
  'publishEvents',
  'onEvent',
  'logger',
  'clock',
];
/** The clock is read twice, in whole milliseconds. */
const ROUNDING_MS = 1;
const DEFAULT_MAX_PAYLOAD_BYTES = 1024 * 1024;
/** How long `close` waits for tasks that are being written. */
const FLUSH_MS = 1_000;
const DEFAULT_ENQUEUE_TIMEOUT_MS = 5_000;
/** Redis remembers for a minute which tasks a call has written, so that its repeats write none twice. */
const LONGEST_ENQUEUE_TIMEOUT_MS = 50_000;

/** Enqueues tasks. One client per process and Redis is enough; concurrent calls are safe. */
export class Client {
  readonly #broker: Broker;
  readonly #ownsBroker: boolean;
  readonly #clock: Clock;
  readonly #composing: ComposeSettings;
  readonly #enqueueTimeoutMs: number;
  readonly #emit: TaskEventListener | undefined;
  readonly #publisher: EventPublisher | undefined;
  readonly #tracer: TaskTracer | undefined;
  readonly #carried: CarriedFields | undefined;
  readonly #handles: HandleDeps;
  readonly #announcer: PartitionAnnouncer;
  readonly #closing = new AbortController();
  /** Calls whose tasks are being written. */
  readonly #accepted = new WaitedCount();

  /**
   * Connects on first use.
   * @throws {InvalidOptionsError} an option is wrong; all of them at once
   */
  constructor(options: ClientOptions) {
    this.#composing = readComposing(options);
    const publishing = readPublishing(options);
    this.#enqueueTimeoutMs = durationMs(options.enqueueTimeout) ?? DEFAULT_ENQUEUE_TIMEOUT_MS;
    const logger = guardLogger(options.logger ?? consoleLogger);
    this.#broker = openConnection(options.connection, { clock: options.clock, logger });
    this.#clock = options.clock ?? this.#broker.clock;
    this.#ownsBroker = this.#broker !== options.connection;
    this.#publisher = publishing && new EventPublisher(this.#broker, publishing, { clock: this.#clock, logger });
    this.#emit = namingPartitions(publishingTo(this.#publisher, guardListener(options.onEvent, logger)));
    this.#tracer = options.tracing?.open(placeOfProgram(this.#broker));
    this.#carried = options.carry;
    const { signal: closed } = this.#closing;
    const waiter = new TaskWaiter({ broker: this.#broker, clock: this.#clock, closed });
    this.#handles = { waiter, codec: this.#composing.codec };
    this.#announcer = new PartitionAnnouncer(this.#broker, this.#composing.partitions!, this.#clock);
  }

  /**
   * Writes one task, atomically. The returned task can be awaited with `wait()` or `result()`.
   * @throws {InvalidOptionsError} type, payload or options are wrong; nothing was written
   * @throws {PayloadTooLargeError} the encoded payload is above `maxPayloadBytes`; nothing was written
   * @throws {TaskIdConflictError} the queue holds a task of this id in some state; nothing was written
   * @throws {DuplicateTaskError} another task holds the unique lock; nothing was written
   * @throws {RedisCommandError} Redis failed, at the latest after `enqueueTimeout`. `isOutcomeUnknown`: the task may have been written. With your own `taskId` it
   * is safe to call again: the second call throws `TaskIdConflictError` while the task of the first one exists.
   * @throws {ClosedError} after `close()`
   */
  async enqueue(type: string, payload?: unknown, options?: TaskOptions): Promise<EnqueuedTask> {
    const [result] = await this.enqueueMany([{ type, payload, options }]);
    if (result!.error) throw result!.error;
    return result!.task;
  }

  /**
   * Writes many tasks with few calls to Redis; one result per task, in the order given. Each task is written atomically
   * and independently: an invalid or refused one does not affect the others.
   * @throws {InvalidOptionsError} `items` is not an array
   * @throws {ClosedError} after `close()`; everything else is reported per task
   */
  async enqueueMany(items: readonly EnqueueItem[]): Promise<EnqueueResult[]> {
    if (this.#closing.signal.aborted) throw new ClosedError('client');
    if (!Array.isArray(items)) {
      throw new InvalidOptionsError([{ option: 'items', value: kindOf(items), allowed: 'an array of tasks' }]);
    }
    this.#accepted.add();
    try {
      const composedAtMs = this.#clock.nowMs();
      const carried = this.#carriedHeaders();
      const call: Call = { composedAtMs, startedAtMs: monotonicMs(systemClock), right: this.#broker.syncClock() };
      const written: Promise<EnqueueResult[]>[] = [];
      let size = this.#tracer ? Infinity : ENOUGH_FOR_A_CALL;
      for (let at = 0; at < items.length;) {
        const part = items.slice(at, at + size);
        const composed = part.map((item) => this.#compose(item, composedAtMs, carried));
        written.push(this.#writePart(part, composed, call)); // Redis writes them while the next are composed
        at += part.length;
        if (at < items.length && !areOfOneQueue(composed)) size = Infinity; // of each queue there would be few in a part
      }
      return written.length === 1 ? await written[0]! : (await Promise.all(written)).flat();
    } finally {
      this.#accepted.remove();
    }
  }

  /**
   * Pings Redis.
   * @throws {RedisCommandError} Redis cannot be reached
   * @throws {ClosedError} after `close()`
   */
  async ping(): Promise<void> {
    if (this.#closing.signal.aborted) throw new ClosedError('client');
    await this.#broker.ping();
  }

  /**
   * Ends pending waits for tasks, waits up to a second for tasks that were enqueued before, and closes the connections that
   * this client opened. Idempotent.
   */
  async close(): Promise<void> {
    this.#closing.abort(new ClosedError('client'));
    await within(systemClock, FLUSH_MS, this.#accepted.whenZero());
    await this.#publisher?.close();
    if (this.#ownsBroker) await this.#broker.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #compose(item: EnqueueItem, nowMs: number, carried: Headers | Error | undefined): NewTask | Error {
    if (carried instanceof Error) return carried;
    try {
      return withHeaders(composeTask(item, this.#composing, nowMs), carried);
    } catch (error) {
      return asError(error);
    }
  }

  /** An error is that of each task. */
  #carriedHeaders(): Headers | Error | undefined {
    if (!this.#carried) return undefined;
    try {
      return headersOfContext(this.#carried);
    } catch (error) {
      return asError(error);
    }
  }

  /** One result for each of the items. */
  async #writePart(
    items: readonly EnqueueItem[],
    ownTime: readonly (NewTask | Error)[],
    { composedAtMs, startedAtMs, right }: Call,
  ): Promise<EnqueueResult[]> {
    const correctionMs = right ? await this.#correctionMs(right) : 0;
    // Redis may have kept the clock waiting.
    const timeoutMs = right
      ? this.#enqueueTimeoutMs - (monotonicMs(systemClock) - startedAtMs)
      : this.#enqueueTimeoutMs;
    const composed =
      correctionMs === 0 ? ownTime : ownTime.map((task, at) => this.#shift(task, items[at]!, correctionMs));
    const tasks = composed.filter((task): task is NewTask => !(task instanceof Error));
    const written = await this.#write(tasks, composedAtMs + correctionMs, Math.max(1, timeoutMs));
    if (tasks.length === composed.length) return written;
    const results = written.values();
    return composed.map((task) => (task instanceof Error ? { error: task } : results.next().value!));
  }

  /** The error of the clock when tasks were composed: at its first call a client does not know Redis' time yet. */
  async #correctionMs(right: Promise<unknown>): Promise<number> {
    const offsetMs = (): number => this.#clock.nowMs() - Math.floor(monotonicMs(this.#clock));
    const beforeMs = offsetMs();
    await within(systemClock, this.#enqueueTimeoutMs, right);
    const correctionMs = offsetMs() - beforeMs;
    return Math.abs(correctionMs) <= ROUNDING_MS ? 0 : correctionMs;
  }

  #shift(task: NewTask | Error, { options }: EnqueueItem, byMs: number): NewTask | Error {
    if (task instanceof Error || task.processAtMs === undefined) return task;
    const { processIn } = { ...this.#composing.defaults, ...options };
    return processIn === undefined ? task : { ...task, processAtMs: task.processAtMs + byMs };
  }

  async #write(tasks: readonly NewTask[], nowMs: number, timeoutMs: number): Promise<EnqueueResult[]> {
    if (tasks.length === 0) return [];
    const trace = this.#tracer?.enqueueing(
      tasks.map(({ message }) => message),
      nowMs,
      'call',
    );
    if (!trace) return this.#store(tasks, nowMs, timeoutMs);
    const traced = tasks.map((task, at) => withHeaders(task, trace.headers[at]));
    const results = await trace.run(() => this.#store(traced, nowMs, timeoutMs));
    trace.end(results.map(({ error }) => error));
    return results;
  }

  async #store(tasks: readonly NewTask[], nowMs: number, timeoutMs: number): Promise<EnqueueResult[]> {
    try {
      const announced = this.#announcer.announce(tasks);
      const outcomes = await this.#broker.enqueue(tasks, timeoutMs);
      if (announced) await announced;
      return tasks.map((task, index) => this.#report(task, outcomes[index]!, nowMs));
    } catch (error) {
      return tasks.map(() => ({ error: asError(error) }));
    }
  }

  #report(task: NewTask, outcome: EnqueueOutcome, nowMs: number): EnqueueResult {
    const refusal = enqueueRefusal(task, outcome);
    if (refusal) return { error: refusal };
    const initialState = outcome.status as EnqueuedTask['initialState'];
    this.#emit?.(enqueuedEvent(task, initialState, nowMs));
    return { task: new ClientEnqueuedTask(task, initialState, nowMs, this.#handles) };
  }
}

function areOfOneQueue(composed: readonly (NewTask | Error)[]): boolean {
  const queues = new Set<string>();
  for (const task of composed) if (!(task instanceof Error)) queues.add(task.message.queue);
  return queues.size <= 1;
}

/** The events to publish; `undefined`: none. */
export function readPublishing({ publishEvents }: Pick<ClientOptions, 'publishEvents'>): PublishSettings | undefined {
  return readPublishOptions(new OptionReader({ publishEvents }), publishEvents);
}

/**
 * Reads the client options that are needed to compose tasks.
 * @throws {InvalidOptionsError} an option is wrong; all of them at once
 */
export function readComposing(options: ClientOptions): ComposeSettings {
  const reader = new OptionReader(options);
  reader.onlyKnown(CLIENT_OPTION_NAMES);
  if (options.connection === undefined) reader.refuse('connection', "a Redis connection or 'memory'");
  reader.callable('tracing', undefined, ['open']);
  readCarried(reader);
  readPublishOptions(reader, options.publishEvents);
  reader.callable('onEvent', undefined);
  reader.callable('logger', undefined, LOGGER_METHODS);
  reader.callable('clock', undefined, CLOCK_METHODS);
  reader.duration('enqueueTimeout', undefined, { minMs: 1, maxMs: LONGEST_ENQUEUE_TIMEOUT_MS });
  reader.add(...taskOptionProblems(options.defaults ?? {}, 'defaults.'));
  const composing: ComposeSettings = {
    codec: reader.callable('codec', jsonCodec, ['encode', 'decode']),
    maxPayloadBytes: reader.wholeNumber('maxPayloadBytes', DEFAULT_MAX_PAYLOAD_BYTES, 0, LARGEST_PAYLOAD_BYTES),
    defaults: { ...options.defaults },
    partitions: new QueuePartitions(readPartitions(reader, options.partitions)),
  };
  reader.throwIfWrong();
  return composing;
}
