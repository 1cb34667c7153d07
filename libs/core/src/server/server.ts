import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { openConnection } from '../broker/open-broker.js';
import type { Broker } from '../broker/contract/broker.js';
import { placeOfProgram } from '../client/traced-place.js';
import { EventPublisher, publishingTo } from '../events/event-publisher.js';
import { InvalidOptionsError } from '../errors/invalid-options.error.js';
import { MissingRightsError } from '../errors/missing-rights.error.js';
import type { QueueError } from '../errors/queue-error.js';
import { ServerStateError } from '../errors/server-state.error.js';
import { UnsupportedRedisError } from '../errors/unsupported-redis.error.js';
import { namingPartitions } from '../partitions/partition-event.js';
import { LONGEST_TIMER_MS, systemClock } from '../runtime/clock.js';
import { within } from '../runtime/within.js';
import type { Handler } from '../task/task-context.js';
import type { ServerStatus } from '../wire/server-info.js';
import type { ServerIdentity } from './leases/heartbeater.js';
import { routeAll, ServeMux, type TaskRouter } from './run/running/serve-mux.js';
import type { ServerOptions } from './server-options.js';
import { assembleParts, servedQueues, type ServerParts } from './server-parts.js';
import { onClock, resolveSettings, type ServerSettings } from './server-settings.js';
import { readProblemOptions, type ServerProblem, type ServerProblemOptions } from './vital-signs.js';

/** How long `start` waits for the check of Redis' version and of the rights. */
const CHECK_PATIENCE_MS = 1_000;
/** How long shutdown waits for each call that stores the last outcomes. */
const FLUSH_MS = 1_000;
/** How long shutdown waits for parts that may hang on a broken connection. */
const PARTS_STOP_MS = 1_000;

/**
 * Takes tasks from queues and runs handlers for them.
 *
 * ```ts
 * const server = new Server({ connection: { url: 'redis://localhost:6379' }, concurrency: 20 });
 * await server.start(new ServeMux().handle('email:welcome', sendWelcome));
 * process.once('SIGTERM', () => void server.shutdown());
 * ```
 *
 * A server is used once: `new`, `active`, perhaps `stopped`, `closed`. It handles no process signals.
 */
export class Server {
  readonly #broker: Broker;
  readonly #ownsBroker: boolean;
  readonly #settings: ServerSettings;
  readonly #options: ServerOptions;
  #publisher: EventPublisher | undefined;
  #state: ServerStatus = 'new';
  #parts: ServerParts | undefined;
  #closing: Promise<void> | undefined;
  #isPaused = false;
  /** Keeps the process alive: the clock's timers do not, and the memory broker holds no socket. */
  #keepAlive: NodeJS.Timeout | undefined;

  /**
   * Connects when it is started.
   * @throws {InvalidOptionsError} an option is wrong; all of them at once
   */
  constructor(options: ServerOptions) {
    this.#options = options;
    const settings = resolveSettings(options);
    const { clock, logger } = settings;
    this.#broker = openConnection(options.connection, { clock, logger });
    this.#settings = this.#publishing(onClock(settings, clock ?? this.#broker.clock, this.#broker.kind));
    this.#ownsBroker = this.#broker !== options.connection;
  }

  /**
   * `active` after `start()`; `stopped` after `stop()`: it fetches nothing, but running tasks continue; then `closed`.
   */
  get state(): ServerStatus {
    return this.#state;
  }

  /** Whether {@link pause} keeps this server from taking tasks. Its state remains `active`. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** The number of slots, in how many of them a handler runs, and how many of these ignore their signals and are lost. */
  get slots(): { readonly total: number; readonly busy: number; readonly lost: number } {
    const workers = this.#parts?.workers;
    return { total: this.#settings.concurrency, busy: workers?.busy ?? 0, lost: workers?.lost ?? 0 };
  }

  /**
   * What is wrong with the parts of a running server, so that only a new process helps; empty when nothing is, when it does not
   * run, and when Redis is to blame. For the liveness probe of an orchestrator: call it every few seconds.
   *
   * - `fetching`: tasks have waited in a queue for longer than `stuckAfter`, a slot is free, Redis answers, and no fetch from the
   * queue has been answered for as long.
   * - `heartbeat`: no heartbeat for longer than leases allow: its thread hangs.
   * - `eventLoop`: since the last call the event loop did not turn for longer than `blockedAfter`.
   * @throws {InvalidOptionsError} an option is wrong
   */
  async problems(options: ServerProblemOptions = {}): Promise<ServerProblem[]> {
    const limits = readProblemOptions(options);
    return this.#state === 'active' ? ((await this.#parts?.vitalSigns.problems(limits)) ?? []) : [];
  }

  /**
   * Starts to take tasks. Resolves when all parts run. An unreachable Redis is not an error here: the server logs it,
   * and starts when Redis is back; use {@link ping} to check.
   * @throws {UnsupportedRedisError} the server is older than Redis 6.2 or Valkey 7.2; nothing was started
   * @throws {MissingRightsError} the Redis user lacks a right that a server needs; nothing was started
   * @throws {ServerStateError} the server was started before
   * @throws {InvalidOptionsError} `handler` is neither a function nor a `ServeMux`, or a mux without handlers
   */
  async start(handler: ServeMux | Handler): Promise<void> {
    if (this.#state !== 'new') throw new ServerStateError('start', this.#state);
    const router = toRouter(handler);
    this.#state = 'active';
    this.#keepAlive = setInterval(() => undefined, LONGEST_TIMER_MS);
    await this.#checkStore();
    if (this.#state !== 'active') return; // it has ended
    const { connection } = this.#options;
    const identity = this.#identity();
    const tracer = this.#settings.tracing?.open(placeOfProgram(this.#broker, identity.serverId));
    const context = { broker: this.#broker, connection, identity, router, tracer };
    const parts = (this.#parts = assembleParts(context, this.#settings));
    if (this.#settings.onDeafHandler === 'exit') parts.workers.onDeaf = () => void this.#exit();
    parts.runningLeases.setStatus('active');
    const beating = parts.runningLeases.start();
    parts.cancelListener.start();
    for (const part of parts.background) part.start();
    parts.processor.start();
    if (this.#isPaused) await parts.processor.pause();
    await beating;
  }

  /**
   * Takes no tasks until {@link resume}; those that run continue, and other servers take the rest. Only this server pauses:
   * `Inspector.pauseQueue` pauses a queue for all. Waits for a pending fetch. Inspectors show the server as `stopped`. Does nothing
   * when it is paused.
   * @throws {ServerStateError} the server is not active
   */
  async pause(): Promise<void> {
    if (this.#state !== 'active') throw new ServerStateError('pause', this.#state);
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#parts?.runningLeases.setStatus('stopped');
    await this.#parts?.processor.pause();
  }

  /**
   * Takes tasks again after {@link pause}. Does nothing when it is not paused.
   * @throws {ServerStateError} the server is not active
   */
  resume(): void {
    if (this.#state !== 'active') throw new ServerStateError('resume', this.#state);
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#parts?.runningLeases.setStatus('active');
    this.#parts?.processor.resume();
  }

  /**
   * Stops taking tasks; running tasks and all other parts continue. Waits for a pending fetch. Call it early in a
   * deployment, and {@link shutdown} later.
   * @throws {ServerStateError} the server is not active
   */
  async stop(): Promise<void> {
    if (this.#state === 'stopped') return;
    if (this.#state !== 'active') throw new ServerStateError('stop', this.#state);
    this.#state = 'stopped';
    this.#parts?.runningLeases.setStatus('stopped');
    await this.#parts?.processor.stop();
  }

  /**
   * Ends the server without losing a task:
   *
   * 1. Stops taking tasks.
   * 2. Waits up to `shutdownTimeout` for running handlers.
   * 3. Aborts the signals of handlers that still run, and returns their tasks to the head of their queues.
   * 4. Stores the last outcomes, deregisters, closes the connections it opened.
   *
   * A handler that continues after its signal was aborted is not awaited, and its result is dropped. Never rejects
   * because of Redis. Idempotent.
   */
  async shutdown(): Promise<void> {
    this.#closing ??= this.#shutDown();
    await this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  /**
   * Pings Redis.
   * @throws {RedisCommandError} Redis cannot be reached
   */
  async ping(): Promise<void> {
    await this.#broker.ping();
  }

  async #exit(): Promise<void> {
    if (this.#closing) return; // the program is ending the server anyway
    this.#settings.logger.error('a handler ignores its signal: ending the process, as set by onDeafHandler');
    await this.shutdown();
    process.exit(1);
  }

  async #shutDown(): Promise<void> {
    this.#state = 'closed';
    const stand = this.#settings.clock.flow?.();
    if (this.#parts) await this.#stopParts(this.#parts);
    await this.#publisher?.close();
    await this.#quietly('close the connections', this.#ownsBroker ? this.#broker.close() : undefined);
    clearInterval(this.#keepAlive);
    stand?.();
  }

  async #stopParts({
    runningLeases,
    processor,
    workers,
    settler,
    cancelListener,
    background,
    vitalSigns,
  }: ServerParts): Promise<void> {
    vitalSigns.close();
    const { clock, shutdownTimeoutMs } = this.#settings;
    runningLeases.setStatus('closed');
    const drained = processor.stop().then(() => workers.drain(shutdownTimeoutMs));
    const rested = background.map((part) => this.#quietly('stop a part', part.stop())); // other servers take over while handlers drain
    await within(clock, shutdownTimeoutMs, drained);
    await workers.abortAll();
    await settler.flush(FLUSH_MS);
    rested.push(this.#quietly('stop the cancel listener', cancelListener.stop()));
    await within(clock, PARTS_STOP_MS, Promise.all(rested));
    await within(clock, PARTS_STOP_MS, this.#quietly('stop the heartbeat', runningLeases.stop()));
  }

  /** Shutdown continues after any failure: keys left behind expire by themselves. */
  async #quietly(what: string, step: Promise<void> | undefined): Promise<void> {
    try {
      await step;
    } catch (error) {
      this.#settings.logger.warn(`could not ${what} at shutdown`, { error });
    }
  }

  /**
   * Waits briefly: if Redis is unavailable or silent, the server starts without the check.
   * @throws {UnsupportedRedisError | MissingRightsError} and the server is closed
   */
  async #checkStore(): Promise<void> {
    let problem: QueueError | undefined;
    const check = this.#storeProblem().then((found) => (problem = found));
    await within(systemClock, CHECK_PATIENCE_MS, check); // after that it is up to the Redis check
    if (problem === undefined) return;
    await this.shutdown();
    throw problem;
  }

  /** Why no server can work on this Redis, if known. Never rejects. */
  async #storeProblem(): Promise<QueueError | undefined> {
    const rights = await this.#missingRights(); // first: only the first attempt to connect reports a right missing for the connection
    try {
      await this.#broker.checkVersion();
    } catch (error) {
      if (error instanceof UnsupportedRedisError) return error; // the parts handle any other failure
    }
    return rights.length > 0 ? new MissingRightsError(rights) : undefined;
  }

  /** Never rejects. */
  async #missingRights(): Promise<readonly string[]> {
    const [queue] = Object.keys(this.#settings.queues);
    try {
      return await this.#broker.missingRights(queue!);
    } catch (error) {
      this.#settings.logger.debug('could not check the rights of the Redis user', { error }); // the parts will report it
      return [];
    }
  }

  #publishing(settings: ServerSettings): ServerSettings {
    const { publishing, clock, logger, emit } = settings;
    if (!publishing) return settings;
    this.#publisher = new EventPublisher(this.#broker, publishing, { clock, logger });
    return { ...settings, emit: namingPartitions(publishingTo(this.#publisher, emit)) };
  }

  #identity(): ServerIdentity {
    const { concurrency, strictPriority, clock } = this.#settings;
    const startedAtMs = clock.nowMs();
    return {
      host: hostname(),
      pid: process.pid,
      serverId: randomUUID(),
      concurrency,
      queues: servedQueues(this.#settings),
      strictPriority,
      startedAtMs,
    };
  }
}

function toRouter(handler: unknown): TaskRouter {
  if (handler instanceof ServeMux && handler.patterns().length > 0) return handler;
  if (typeof handler === 'function') return routeAll(handler as Handler);
  const allowed = 'a function, or a ServeMux with at least one handler';
  throw new InvalidOptionsError([{ option: 'handler', value: handler, allowed }]);
}
