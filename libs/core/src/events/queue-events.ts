import type { Broker } from '../broker/contract/broker.js';
import { BEFORE_ALL_EVENTS } from '../broker/contract/events.js';
import type { Connection } from '../broker/connection.js';
import { isEventId } from '../broker/event-id.js';
import { openConnection } from '../broker/open-broker.js';
import { ClosedError } from '../errors/closed.error.js';
import { placeOf } from '../partitions/partition-name.js';
import { type Clock, CLOCK_METHODS, monotonicMs } from '../runtime/clock.js';
import { consoleLogger, guardLogger, type Logger, LOGGER_METHODS } from '../runtime/logger.js';
import { OptionReader } from '../runtime/option-reader.js';
import type { QueueEvent } from '../task/queue-event.js';
import { queueNameProblem } from '../wire/queue-name.js';
import { EventFollower } from './event-follower.js';
import { type EventPosition, EventTail } from './event-tail.js';

/** Greater than that of any event of the same millisecond. */
const LAST_NUMBER = 999_999_999_999_999;

/** Options of `QueueEvents`. Only `connection` is required. */
export interface QueueEventsOptions {
  /** Where the queues are stored. A broker that is passed in stays open at `close()`. */
  readonly connection: Connection;
  /** Default: warnings and errors to the console. */
  readonly logger?: Logger | undefined;
  /** Default: the broker's. For tests. */
  readonly clock?: Clock | undefined;
}

/** Which events to read. */
export interface ReadEventsOptions {
  /**
   * The `eventId` of the last event that is known: reading continues after it. `'0'`: from the oldest event that is kept.
   * Default: from the time of the call on.
   */
  readonly after?: string | undefined;
  /** Only events of this task, and `missed` ones. Default: of all tasks. */
  readonly taskId?: string | undefined;
  /** Ends the iteration. */
  readonly signal?: AbortSignal | undefined;
}

/** Events of a queue, one after the other: for `for await`, or call by call. */
export interface QueueEventStream extends AsyncIterableIterator<QueueEvent, undefined> {
  /** Ends the stream; a pending `next()` is done. */
  return(): Promise<IteratorReturnResult<undefined>>;
}

/**
 * Reads what happens to the tasks of a queue in all programs that publish it: clients, servers and schedulers with the
 * option `publishEvents`. Programs in Go publish nothing.
 *
 * ```ts
 * await using queueEvents = new QueueEvents({ connection: { url: 'redis://localhost:6379' } });
 * for await (const event of queueEvents.read('default')) console.log(event.eventId, event.kind);
 * ```
 *
 * All who read a queue in one program share a reader. A lost connection is waited for.
 */
export class QueueEvents {
  readonly #broker: Broker;
  readonly #ownsBroker: boolean;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #tails = new Map<string, EventTail>();
  readonly #followers = new Set<EventFollower>();
  #isClosed = false;

  /**
   * Connects on first use.
   * @throws {InvalidOptionsError} an option is wrong; all of them at once
   */
  constructor(options: QueueEventsOptions) {
    const reader = new OptionReader(options);
    reader.onlyKnown(['connection', 'logger', 'clock']);
    if (options.connection === undefined) reader.refuse('connection', "a Redis connection or 'memory'");
    reader.callable('logger', undefined, LOGGER_METHODS);
    reader.callable('clock', undefined, CLOCK_METHODS);
    reader.throwIfWrong();
    this.#logger = guardLogger(options.logger ?? consoleLogger);
    this.#broker = openConnection(options.connection, { clock: options.clock, logger: this.#logger });
    this.#clock = options.clock ?? this.#broker.clock;
    this.#ownsBroker = this.#broker !== options.connection;
  }

  /**
   * Follows a queue, partitions included. Ends at `signal`, `return()` and `close()`.
   * @throws {InvalidOptionsError} the name or an option is wrong
   * @throws {ClosedError} after `close()`
   * @throws {RedisCommandError} while it is read: Redis refuses to read the stream
   */
  read(queue: string, options: ReadEventsOptions = {}): QueueEventStream {
    if (this.#isClosed) throw new ClosedError('queue events');
    const { after, taskId, signal } = readOptions(queue, options);
    const { queue: whole } = placeOf(queue);
    const tail = this.#tail(whole);
    const from = this.#positionOf(after);
    const follower = new EventFollower({ queue: whole, taskId, from }, tail, {
      broker: this.#broker,
      clock: this.#clock,
    });
    this.#followers.add(follower);
    const end = (): void => {
      signal?.removeEventListener('abort', end);
      this.#end(whole, follower);
    };
    if (signal?.aborted) end();
    else signal?.addEventListener('abort', end, { once: true });
    return streamOf(follower, end);
  }

  /** Ends all streams, and closes the connections that it opened. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const follower of this.#followers) follower.close();
    this.#followers.clear();
    await Promise.all([...this.#tails.values()].map((tail) => tail.stop()));
    this.#tails.clear();
    if (this.#ownsBroker) await this.#broker.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #tail(queue: string): EventTail {
    let tail = this.#tails.get(queue);
    if (!tail) {
      tail = new EventTail(this.#broker, queue, { clock: this.#clock, logger: this.#logger });
      this.#tails.set(queue, tail);
      tail.start();
    }
    return tail;
  }

  #end(queue: string, follower: EventFollower): void {
    follower.close();
    this.#followers.delete(follower);
    const tail = this.#tails.get(queue);
    if (!tail?.isUnheard) return;
    this.#tails.delete(queue);
    tail.stop().catch((error: unknown) => this.#logger.debug('a reader of events did not stop', { queue, error }));
  }

  /** The ids of events are times of Redis. */
  #positionOf(after: string | undefined): () => Promise<EventPosition> {
    if (after !== undefined && Number(after) === 0) return async () => ({ id: BEFORE_ALL_EVENTS, isEntry: false });
    if (after !== undefined) return async () => ({ id: after, isEntry: true });
    const calledAtMs = monotonicMs(this.#clock);
    return async () => {
      await this.#broker.syncClock();
      const ms = this.#clock.nowMs() - (monotonicMs(this.#clock) - calledAtMs);
      return { id: `${Math.floor(ms) - 1}-${LAST_NUMBER}`, isEntry: false };
    };
  }
}

function readOptions(queue: string, options: ReadEventsOptions): ReadEventsOptions {
  const reader = new OptionReader(options);
  reader.add(queueNameProblem('queue', queue));
  reader.onlyKnown(['after', 'taskId', 'signal']);
  const { after } = options;
  if (after !== undefined && !isEventId(after)) reader.refuse('after', 'the eventId of an event, or "0"');
  reader.text('taskId', undefined);
  reader.callable('signal', undefined, ['throwIfAborted', 'addEventListener']);
  reader.throwIfWrong();
  return options;
}

function streamOf(follower: EventFollower, end: () => void): QueueEventStream {
  const done: IteratorReturnResult<undefined> = { done: true, value: undefined };
  let last: Promise<unknown> = Promise.resolve();
  const read = async (before: Promise<unknown>): Promise<IteratorResult<QueueEvent, undefined>> => {
    await before;
    try {
      const value = await follower.next();
      return value ? { done: false, value } : done;
    } catch (error) {
      end();
      throw error;
    }
  };
  return {
    /** Calls are answered one after the other. */
    next() {
      const answer = read(last);
      last = answer.catch(() => undefined);
      return answer;
    },
    async return() {
      end();
      return done;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
