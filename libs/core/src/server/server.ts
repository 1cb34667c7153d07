import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { openConnection } from '../broker/open-broker.js';
import type { Broker } from '../broker/contract/broker.js';
import { InvalidOptionsError } from '../errors/invalid-options.error.js';
import { MissingRightsError } from '../errors/missing-rights.error.js';
import { ServerStateError } from '../errors/server-state.error.js';
import { LONGEST_TIMER_MS, systemClock } from '../runtime/clock.js';
import { within } from '../runtime/within.js';
import type { Handler } from '../task/task-context.js';
import type { ServerStatus } from '../wire/server-info.js';
import type { ServerIdentity } from './leases/heartbeater.js';
import { routeAll, ServeMux, type TaskRouter } from './run/serve-mux.js';
import type { ServerOptions } from './server-options.js';
import { assembleParts, type ServerParts } from './server-parts.js';
import { resolveSettings, type ServerSettings } from './server-settings.js';

/** How long the start waits for the check of rights. */
const RIGHTS_PATIENCE_MS = 1_000;
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
 * A server is used once: `new`, `active`, perhaps `stopped`, `closed`. It handles no signals of the process.
 */
export class Server {
  readonly #broker: Broker;
  readonly #ownsBroker: boolean;
  readonly #settings: ServerSettings;
  readonly #options: ServerOptions;
  #state: ServerStatus = 'new';
  #parts: ServerParts | undefined;
  #closing: Promise<void> | undefined;
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
    this.#settings = { ...settings, clock: clock ?? this.#broker.clock };
    this.#ownsBroker = this.#broker !== options.connection;
  }

  /** `active` from `start()` on; `stopped` after `stop()`: nothing is fetched, but what runs goes on; then `closed`. */
  get state(): ServerStatus {
    return this.#state;
  }

  /**
   * Starts to take tasks. Resolves when all parts run. An unreachable Redis is not an error here: the server logs it, and
   * starts when Redis is back; {@link ping} tells.
   * @throws {MissingRightsError} the Redis user lacks a right that a server needs; nothing was started
   * @throws {ServerStateError} the server was started before
   * @throws {InvalidOptionsError} `handler` is neither a function nor a `ServeMux`, or a mux without handlers
   */
  async start(handler: ServeMux | Handler): Promise<void> {
    if (this.#state !== 'new') throw new ServerStateError('start', this.#state);
    const router = toRouter(handler);
    this.#state = 'active';
    this.#keepAlive = setInterval(() => undefined, LONGEST_TIMER_MS);
    await this.#checkRights();
    if (this.#state !== 'active') return; // ended meanwhile
    const { connection } = this.#options;
    const context = { broker: this.#broker, connection, identity: this.#identity(), router };
    const parts = (this.#parts = assembleParts(context, this.#settings));
    parts.runningLeases.setStatus('active');
    const beating = parts.runningLeases.start();
    parts.cancelListener.start();
    for (const part of parts.background) part.start();
    parts.processor.start();
    await beating;
  }

  /**
   * Takes no more tasks; running ones go on, and so does everything else. Waits for a fetch under way. Call it early
   * in a deployment, and {@link shutdown} later.
   * @throws {ServerStateError} the server does not run
   */
  async stop(): Promise<void> {
    if (this.#state === 'stopped') return;
    if (this.#state !== 'active') throw new ServerStateError('stop', this.#state);
    this.#state = 'stopped';
    this.#parts?.runningLeases.setStatus('stopped');
    await this.#parts?.processor.stop();
  }

  /**
   * Ends the server and loses nothing:
   *
   * 1. Takes no more tasks.
   * 2. Waits up to `shutdownTimeout` for running handlers.
   * 3. Aborts the signals of handlers that still run, and gives their tasks back to the head of their queues.
   * 4. Stores the last outcomes, deregisters, closes the connections it opened.
   *
   * A handler that goes on after its signal was aborted is left behind, and its answer is dropped. Never rejects
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

  async #shutDown(): Promise<void> {
    this.#state = 'closed';
    if (this.#parts) await this.#stopParts(this.#parts);
    await this.#quietly('close the connections', this.#ownsBroker ? this.#broker.close() : undefined);
    clearInterval(this.#keepAlive);
  }

  async #stopParts({
    runningLeases,
    processor,
    workers,
    settler,
    cancelListener,
    background,
  }: ServerParts): Promise<void> {
    const { clock, shutdownTimeoutMs } = this.#settings;
    runningLeases.setStatus('closed');
    const drained = processor.stop().then(() => workers.drain(shutdownTimeoutMs));
    const rested = background.map((part) => this.#quietly('stop a part', part.stop())); // other servers take over meanwhile
    await within(clock, shutdownTimeoutMs, drained);
    await workers.abortAll();
    await settler.flush(FLUSH_MS);
    rested.push(this.#quietly('stop the cancel listener', cancelListener.stop()));
    await within(clock, PARTS_STOP_MS, Promise.all(rested));
    await within(clock, PARTS_STOP_MS, this.#quietly('stop the heartbeat', runningLeases.stop()));
  }

  /** Shutdown goes on after any failure: keys left behind expire by themselves. */
  async #quietly(what: string, step: Promise<void> | undefined): Promise<void> {
    try {
      await step;
    } catch (error) {
      this.#settings.logger.warn(`could not ${what} at shutdown`, { error });
    }
  }

  /**
   * Waits for a short while: where Redis is away or silent, the server starts without the answer.
   * @throws {MissingRightsError} and the server is closed
   */
  async #checkRights(): Promise<void> {
    let rights: readonly string[] = [];
    const check = this.#missingRights().then((missing) => (rights = missing));
    if (!(await within(systemClock, RIGHTS_PATIENCE_MS, check))) {
      void check.then(() => rights.length > 0 && this.#settings.logger.error(new MissingRightsError(rights).message));
      return;
    }
    if (rights.length === 0) return;
    await this.shutdown();
    throw new MissingRightsError(rights);
  }

  /** Never rejects. */
  async #missingRights(): Promise<readonly string[]> {
    const [queue] = Object.keys(this.#settings.queues);
    try {
      return await this.#broker.missingRights(queue!);
    } catch (error) {
      this.#settings.logger.debug('could not check the rights of the Redis user', { error }); // the parts will tell
      return [];
    }
  }

  #identity(): ServerIdentity {
    const { concurrency, queues, strictPriority, clock } = this.#settings;
    const startedAtMs = clock.nowMs();
    return {
      host: hostname(),
      pid: process.pid,
      serverId: randomUUID(),
      concurrency,
      queues,
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
