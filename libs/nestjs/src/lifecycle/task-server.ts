import {
  type GroupAggregatorOptions,
  type Logger,
  Server,
  type ServerProblem,
  type ServerProblemOptions,
  ServeMux,
  ServerStateError,
} from '@nestjs-asynq/core';
import type { Broker } from '@nestjs-asynq/core/internal';
import type { AsynqSettings } from '../asynq.options.js';
import { HandlerSetupError } from '../discovery/handler-setup.error.js';
import type { TaskAggregators } from '../discovery/task-aggregators.js';
import type { DiscoveredHandler } from '../discovery/task-handler.explorer.js';
import type { TaskHandlers } from '../discovery/task-handlers.js';
import type { HandlerBinder } from '../handling/handler-binder.js';
import { hideFromLogs } from './hidden-fields.js';
import type { TaskEvents } from './task-events.js';

interface TaskServerDeps {
  readonly settings: AsynqSettings;
  readonly broker: Broker;
  readonly handlers: TaskHandlers;
  readonly aggregators: TaskAggregators;
  readonly binder: HandlerBinder;
  readonly events: TaskEvents;
  readonly logger: Logger;
}

/** The states of the core's server, and `'off'`: this process only enqueues, since `worker` is `false` or there are no handlers. */
export type TaskServerState = 'off' | Server['state'];

/**
 * The server that runs this app's handlers. It starts and stops with the app; with `autoStart: false` call `start()`
 * yourself. Inject it by its class; `@InjectTaskServer(name)` for a named connection.
 */
export class TaskServer {
  private server: Server | undefined;
  private mux: ServeMux | undefined;
  /** There was nothing to start yet when the app was up. */
  private startsWithHandlers = false;
  private isStarting = false;

  /** @throws {InvalidOptionsError} a server option is wrong */
  constructor(private readonly deps: TaskServerDeps) {
    hideFromLogs(this, 'deps');
    if (deps.settings.worker) this.server = this.makeServer(undefined);
  }

  /** `off` if `worker` is `false` or there is no handler; `active` while tasks are handled. */
  get state(): TaskServerState {
    return this.server && this.deps.handlers.all.length > 0 ? this.server.state : 'off';
  }

  /** The server has started, and was not stopped. */
  get isStarted(): boolean {
    return this.state === 'active' && !this.isStarting;
  }

  /** How many handlers can run at one time, how many do, and how many slots are lost to handlers that ignore their signals. */
  get slots(): { readonly total: number; readonly busy: number; readonly lost: number } {
    return (this.state === 'off' ? undefined : this.server?.slots) ?? { total: 0, busy: 0, lost: 0 };
  }

  /**
   * What is wrong with the running server, so that only a new process helps; empty when nothing is. See `Server.problems` of the
   * core.
   * @throws {InvalidOptionsError} an option is wrong
   */
  async problems(options: ServerProblemOptions = {}): Promise<ServerProblem[]> {
    return (await this.server?.problems(options)) ?? [];
  }

  /**
   * Binds the handlers and starts to fetch tasks.
   * @throws {HandlerSetupError} this process only enqueues
   * @throws {ServerStateError} it was started before
   * @throws {InvalidOptionsError} the group options are invalid
   */
  async start(): Promise<void> {
    if (!this.server || this.state === 'off') {
      const reason = this.server ? 'no provider has a @TaskHandler' : 'its option "worker" is false';
      throw new HandlerSetupError(`connection "${this.deps.settings.name}" has nothing to start: ${reason}`);
    }
    const { server: options, client } = this.deps.settings;
    const groupAggregator = this.deps.aggregators.withMethods(options.groupAggregator, client.defaults);
    // The first server validated the other options before the methods were known; it has not connected yet.
    if (groupAggregator && this.server.state === 'new') this.server = this.makeServer(groupAggregator);
    this.mux = new ServeMux();
    this.handle(this.deps.handlers.all);
    this.isStarting = true;
    try {
      await this.server.start(this.mux);
    } finally {
      this.isStarting = false;
    }
    const patterns = this.deps.handlers.all.map(({ pattern }) => pattern);
    const queues = Object.keys(this.deps.settings.server.queues ?? { default: 1 });
    this.deps.logger.info(`handling ${patterns.join(', ')} in ${queues.map((name) => `"${name}"`).join(', ')}`);
  }

  /** For the module: the app is up and wants the server, which starts when there are handlers. */
  startWithHandlers(): void {
    this.startsWithHandlers = true;
  }

  /**
   * For the module: handlers of a module that was loaded later. Starts the server if it has waited for them.
   * @throws as {@link start}
   */
  async add(handlers: readonly DiscoveredHandler[]): Promise<void> {
    if (handlers.length === 0 || !this.server) return;
    if (this.mux) {
      this.handle(handlers);
      this.deps.logger.info(`handling ${handlers.map(({ pattern }) => pattern).join(', ')}, too`);
    } else if (this.startsWithHandlers) await this.start();
  }

  /** Stops fetching tasks; running handlers continue. Call it early in a deployment; the app's shutdown does the rest. */
  async stop(): Promise<void> {
    await this.server?.stop();
  }

  /** Whether {@link pause} keeps this process from taking tasks. Its state remains `active`. */
  get isPaused(): boolean {
    return this.server?.isPaused ?? false;
  }

  /**
   * This process takes no tasks until `resume()`; those that run continue, and other processes take the rest. To pause a queue
   * for all, use `TaskInspector.pauseQueue`.
   * @throws {ServerStateError} the server is not active
   */
  async pause(): Promise<void> {
    await this.activeServer('pause').pause();
  }

  /**
   * Takes tasks again after `pause()`.
   * @throws {ServerStateError} the server is not active
   */
  resume(): void {
    this.activeServer('resume').resume();
  }

  private activeServer(call: 'pause' | 'resume'): Server {
    if (!this.server || this.state === 'off') throw new ServerStateError(call, 'new');
    return this.server;
  }

  /**
   * Stops fetching tasks, waits `shutdownTimeout` for running handlers, then aborts them and requeues their tasks. The app's
   * shutdown calls it. Idempotent.
   */
  async shutdown(): Promise<void> {
    await this.server?.shutdown();
  }

  /**
   * Pings Redis, also when no server runs.
   * @throws {RedisCommandError} Redis does not answer
   */
  async ping(): Promise<void> {
    await (this.state === 'active' ? this.server! : this.deps.broker).ping();
  }

  private makeServer(groupAggregator: GroupAggregatorOptions | undefined): Server {
    const { settings, broker, events, logger } = this.deps;
    return new Server({
      ...settings.server,
      groupAggregator,
      // A connection of its own, not the distributor's broker: an open connection cannot move to the heartbeat thread.
      connection: broker.kind === 'memory' ? broker : settings.connection,
      onEvent: events.listener,
      logger,
    });
  }

  private handle(handlers: readonly DiscoveredHandler[]): void {
    for (const handler of handlers) {
      const { retryDelay, isFailure, concurrency } = handler.options;
      this.mux!.handle(handler.pattern, this.deps.binder.bind(handler), { retryDelay, isFailure, concurrency });
    }
  }
}
