import type { Broker } from '../broker/contract/broker.js';
import { type MemoryBroker, openMemoryBroker } from '../broker/memory/memory-broker.js';
import type { MemoryQueue } from '../broker/memory/memory-store.js';
import { yieldToLoop } from '../broker/memory/yield-to-loop.js';
import { Client, type ClientOptions } from '../client/client.js';
import { placeOf } from '../partitions/partition-name.js';
import { type Duration, toMs } from '../runtime/duration.js';
import { silentLogger } from '../runtime/logger.js';
import { OptionReader } from '../runtime/option-reader.js';
import { Server } from '../server/server.js';
import type { ServerOptions } from '../server/server-options.js';
import type { ServeMux } from '../server/run/running/serve-mux.js';
import type { PayloadCodec } from '../task/payload-codec.js';
import type { Handler } from '../task/task-context.js';
import type { TaskEvent } from '../task/task-event.js';
import type { FakeClock } from './fake-clock.js';
import type { RecordedTask } from './recorded-task.js';
import { Rest, type TaskInHand, WatchedClock } from './rest.js';
import { TaskRecorder } from './task-recorder.js';
import { errorOf, type LeftTask, RunCounter, type TestRun } from './test-run.js';

/** How long `advance` waits, in real time, for a handler that does not ask for the time. */
const PATIENCE_MS = 100;
/** The same for `drain`; less than the time limit of a test in Vitest and Jest. */
const DRAIN_PATIENCE_MS = 4_000;
/** Tasks that a `drain` runs at most: a task that enqueues itself would never end it. */
const MOST_DRAINED = 100_000;
const MOST_LISTED = 10;
/** Longer than servers leave a queue alone whose head they cannot handle, shorter than they offer it to others. */
const PASS_OVER_MS = 30;
/** How long a server waits for handlers when a test ends. */
const SHUTDOWN_TIMEOUT_MS = 500;

/** Options of test queues. All are optional. */
export interface TestQueuesOptions {
  /** Where the clock starts. Default 2023-11-14T22:13:20Z. */
  readonly startAt?: Date | undefined;
  /** Reads payloads for `enqueued`. Default JSON. */
  readonly codec?: PayloadCodec | undefined;
}

/** Options of {@link TestQueues.drain}. */
export interface DrainOptions {
  /** `'return'`: failed handlers are reported in the result only. Default `'throw'`: `drain` rejects with their error. */
  readonly failures?: 'throw' | 'return' | undefined;
  /** Also runs delayed tasks and retries, one after the other, and sets the clock to the time of each. Default `false`. */
  readonly withDelayed?: boolean | undefined;
  /** How long to wait for handlers, in real time, while nothing else happens. Default `'4s'`. */
  readonly timeout?: Duration | undefined;
}

/** Options of {@link TestQueues.advance}. */
export interface AdvanceQueuesOptions {
  /**
   * How long to wait for running handlers, in real time, before the clock moves on. Default `'100ms'`; a handler that waits
   * for the clock to move on is waited for once.
   */
  readonly patience?: Duration | undefined;
}

/**
 * Queues for a test: a broker in memory, and a clock that moves when the test moves it. Share them between any number of
 * clients, servers and Nest apps of this process.
 *
 * ```ts
 * await using queues = new TestQueues();
 * await queues.startServer(new ServeMux().handle('reminder', remind));
 * await queues.client.enqueue('reminder', { to: 'ada' }, { processIn: '10m' });
 * await queues.advance('10m'); // the reminder has been sent
 * ```
 */
export class TestQueues implements AsyncDisposable {
  /** Pass it to clients, servers, inspectors and schedulers, together with the connection. */
  readonly clock: FakeClock;
  readonly #broker: MemoryBroker;
  /** What was enqueued; stand-ins for clients add to it. */
  readonly recorder: TaskRecorder;
  readonly #rest: Rest;
  readonly #run = new RunCounter();
  readonly #parts: { close(): Promise<void> }[] = [];
  #client: Client | undefined;

  /** @throws {InvalidOptionsError} an option is wrong */
  constructor(options: TestQueuesOptions = {}) {
    const reader = new OptionReader(options);
    reader.onlyKnown(['startAt', 'codec']);
    const startMs = reader.date('startAt');
    const codec = reader.callable<PayloadCodec | undefined>('codec', undefined, ['encode', 'decode']);
    reader.throwIfWrong();
    const clock = new WatchedClock(startMs);
    this.clock = clock;
    this.#broker = yieldToLoop(openMemoryBroker({ clock }));
    this.recorder = new TaskRecorder({ codec, clock });
    this.#rest = new Rest(this.#broker.store, clock);
    this.#broker.store.writtenListeners.add((task) => this.recorder.add(task));
  }

  /** The broker, as the option `connection`. */
  get connection(): Broker {
    return this.#broker;
  }

  /** A client of these queues. */
  get client(): Client {
    return (this.#client ??= this.openClient());
  }

  /** All tasks that were enqueued, by whatever client, handler or schedule, since the start or the last `clear`. */
  get enqueued(): readonly RecordedTask[] {
    return this.recorder.enqueued;
  }

  /** Forgets what was enqueued so far. The tasks themselves stay. */
  clear(): void {
    this.recorder.clear();
  }

  /** As the option `onEvent` of servers that a test creates itself: `drain` learns of failed handlers by it. */
  readonly onEvent = (event: TaskEvent): void => this.#run.note(event);

  /** Another client of these queues. Closed together with them. */
  openClient(options: Omit<ClientOptions, 'connection' | 'clock'> = {}): Client {
    const client = new Client({ logger: silentLogger, ...options, connection: this.connection, clock: this.clock });
    this.#parts.push(client);
    return client;
  }

  /**
   * Starts a server on these queues. Shut down together with them.
   * @throws as `Server` does
   */
  async startServer(
    handler: ServeMux | Handler,
    options: Omit<ServerOptions, 'connection' | 'clock'> = {},
  ): Promise<Server> {
    const onEvent = (event: TaskEvent): void => {
      this.onEvent(event);
      options.onEvent?.(event);
    };
    const given = { logger: silentLogger, shutdownTimeout: SHUTDOWN_TIMEOUT_MS, ...options, onEvent };
    const server = new Server({ ...given, connection: this.connection, clock: this.clock });
    this.#parts.push({ close: () => server.shutdown() });
    await server.start(handler);
    return server;
  }

  /**
   * Waits until all due tasks have been run, and all that follow from them. Waits for handlers in real time, whatever they
   * do.
   *
   * @returns what happened since the last `drain` or `advance`
   * @throws what a handler threw, since the last `drain` or `advance`; an `AggregateError` when several did
   * @throws {Error} no server runs, a handler does not end, or tasks follow from tasks without end
   */
  async drain(options: DrainOptions = {}): Promise<TestRun> {
    const reader = new OptionReader(options);
    reader.onlyKnown(['failures', 'withDelayed', 'timeout']);
    const failures = reader.oneOf('failures', ['throw', 'return']) ?? 'throw';
    const withDelayed = reader.boolean('withDelayed', false);
    const timeoutMs = reader.duration('timeout', DRAIN_PATIENCE_MS);
    reader.throwIfWrong();
    const settle = async (): Promise<void> => {
      this.#refuseRunning(await this.#rest.reach(timeoutMs, () => this.#refuseEndless()), timeoutMs);
    };
    await settle();
    this.#checkServed();
    await this.#passOver(settle);
    if (withDelayed) await this.#runDelayed(settle);
    const run = this.#run.take([...this.#left()]);
    if (failures === 'throw' && run.failures.length > 0) throw errorOf(run.failures);
    return run;
  }

  /**
   * Moves the clock. Runs what becomes due in between, each task at its own time, and all that follows. Costs as much as
   * happens: an idle week costs as little as a second. Failed handlers are retried as in production, and reported in the
   * result only.
   *
   * @returns what happened since the last `drain` or `advance`
   */
  async advance(duration: Duration, options: AdvanceQueuesOptions = {}): Promise<TestRun> {
    const reader = new OptionReader(options);
    reader.onlyKnown(['patience']);
    const patienceMs = reader.duration('patience', PATIENCE_MS);
    reader.throwIfWrong();
    toMs('duration', duration);
    const settle = (): Promise<unknown> => this.#rest.reach(patienceMs);
    await this.clock.advance(duration, { settle });
    return this.#run.take([...this.#left()]);
  }

  /** Shuts down the servers that `startServer` started, and closes clients and broker. */
  async close(): Promise<void> {
    for (const part of this.#parts.splice(0).toReversed()) await part.close();
    await this.#broker.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** A queue rests for a moment when tasks that its servers do not know are at its head; others may be behind them. */
  async #passOver(settle: () => Promise<void>): Promise<void> {
    const endedBy = (): number => this.#run.ended;
    for (let before = -1; this.#hasLeft() && endedBy() > before;) {
      before = endedBy();
      await this.clock.advance(PASS_OVER_MS, { settle });
    }
  }

  async #runDelayed(settle: () => Promise<void>): Promise<void> {
    for (let dueAtMs = this.#nextDueAtMs(); dueAtMs < Infinity; dueAtMs = this.#nextDueAtMs()) {
      await this.clock.advance(Math.max(dueAtMs - this.clock.nowMs(), 1), { settle });
    }
  }

  #hasLeft(): boolean {
    for (const { duties, pausedAtS, pending } of this.#broker.store.allQueues) {
      if (pending.size > 0 && pausedAtS === undefined && duties.get('leader') !== undefined) return true;
    }
    return false;
  }

  #checkServed(): void {
    if (this.#broker.store.presence.size > 0) return;
    throw new Error('drain: no server runs on these queues. Start one, or initialize the app (app.init()) first.');
  }

  #refuseEndless(): void {
    if (this.#run.ended <= MOST_DRAINED) return;
    throw new Error(`drain: ${MOST_DRAINED} attempts, and no end; a task that follows from itself needs advance()`);
  }

  #refuseRunning(tasks: readonly TaskInHand[], timeoutMs: number): void {
    if (tasks.length === 0) return;
    const names = tasks.slice(0, MOST_LISTED).map(({ type, id }) => `${type} (${id})`);
    throw new Error(
      `drain: still running after ${timeoutMs} ms: ${names.join(', ')}. A handler that waits for the clock ends after ` +
        'advance(); one that takes longer needs the option "timeout".',
    );
  }

  /** Of delayed tasks and retries in queues that a server serves. */
  #nextDueAtMs(): number {
    let next = Infinity;
    for (const { duties, scheduled, retry } of this.#broker.store.allQueues) {
      if (duties.get('leader') === undefined) continue;
      next = Math.min(next, scheduled.first()?.score ?? Infinity, retry.first()?.score ?? Infinity);
    }
    return next;
  }

  *#left(): Generator<LeftTask> {
    for (const queue of this.#broker.store.allQueues) {
      for (const id of queue.pending) yield leftTask(queue, id);
      for (const { id } of queue.retry) if (queue.tasks.get(id)?.unknownSinceMs) yield leftTask(queue, id); // put back
    }
  }
}

function leftTask(queue: MemoryQueue, id: string): LeftTask {
  return { id, type: queue.read(id)?.message.type ?? '', queue: placeOf(queue.name).queue };
}
