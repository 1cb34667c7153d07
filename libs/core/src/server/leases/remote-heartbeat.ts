import { inspect } from 'node:util';
import type { MessagePort } from 'node:worker_threads';
import type { Connection } from '../../broker/connection.js';
import type { Broker } from '../../broker/contract/broker.js';
import { asError } from '../../errors/as-error.js';
import type { Clock } from '../../runtime/clock.js';
import type { LoopDeps } from '../../runtime/loop.js';
import type { Logger } from '../../runtime/logger.js';
import type { ServerStatus } from '../../wire/server-info.js';
import type { HeartbeatListener } from './running-leases.js';
import {
  type BeatListener,
  type CancelRequest,
  type DistantHeartbeat,
  Heartbeater,
  type HeartbeatSettings,
  longestPauseMs,
} from './heartbeater.js';
import { HeldWatch } from './held-watch.js';
import { LeaseTable, type TableNews, type TaskRef } from './lease-table.js';
import { Pulse } from './pulse.js';
import type { TaskDescription } from './shown-tasks.js';

type Descriptions = readonly (TaskDescription | undefined)[];

/** How long the thread may take to deregister the server before it is terminated. */
const STOP_TIMEOUT_MS = 1_000;

/** The thread's `workerData`. */
export interface HeartbeatThreadData {
  readonly connection: Connection;
  readonly settings: HeartbeatSettings;
  readonly pulse: SharedArrayBuffer;
}

type ToThread =
  | { readonly kind: 'news'; readonly news: TableNews }
  | { readonly kind: 'held' }
  | { readonly kind: 'described'; readonly tasks: Descriptions }
  | { readonly kind: 'status'; readonly status: ServerStatus }
  | { readonly kind: 'stop' };

type FromThread =
  | { readonly kind: 'begun' }
  | { readonly kind: 'describe'; readonly tasks: readonly TaskRef[] }
  | { readonly kind: 'lost'; readonly tasks: readonly TaskRef[] }
  | { readonly kind: 'cancelRequests'; readonly requests: readonly CancelRequest[] }
  | { readonly kind: 'log'; readonly level: keyof Logger; readonly message: string; readonly fields: object };

/** The part of a `Worker` that is used here. */
export interface HeartbeatWorker {
  postMessage(message: unknown): void;
  on(event: 'message', listener: (message: FromThread) => void): unknown;
  on(event: 'error', listener: (error: unknown) => void): unknown;
  on(event: 'exit', listener: (exitCode: number) => void): unknown;
  ref(): void;
  unref(): void;
  terminate(): Promise<number>;
}

/** The main thread's side of a heartbeat in a worker thread, which has a connection of its own. */
export class RemoteHeartbeat implements DistantHeartbeat {
  private readonly worker: HeartbeatWorker;
  private readonly exited: Promise<void>;
  private isStopping = false;
  private isBeating = false;
  private deathCause: Error | undefined;

  /** @throws the thread cannot be created */
  constructor(
    spawn: () => HeartbeatWorker,
    private readonly listener: HeartbeatListener,
    private readonly deps: LoopDeps,
  ) {
    this.worker = spawn();
    this.worker.unref(); // connections keep the process alive, not the heartbeat
    this.worker.on('message', (message) => this.receive(message));
    this.worker.on('error', (error) => (this.deathCause = asError(error)));
    this.exited = new Promise((resolve) => {
      this.worker.on('exit', (exitCode) => {
        resolve();
        const error = this.deathCause ?? new Error(`the thread ended with code ${exitCode}`);
        if (!this.isStopping) listener.onDeath(error);
      });
    });
  }

  get hasBegun(): boolean {
    return this.isBeating;
  }

  /** The thread starts by itself. */
  start(): void {}

  learn(news: TableNews): void {
    this.post({ kind: 'news', news });
  }

  watchHeld(): void {
    this.post({ kind: 'held' });
  }

  setStatus(status: ServerStatus): void {
    this.post({ kind: 'status', status });
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    this.worker.ref(); // now the process must wait for it
    this.post({ kind: 'stop' });
    const timer = this.deps.clock.setTimer(() => void this.worker.terminate(), STOP_TIMEOUT_MS);
    await this.exited;
    this.deps.clock.clearTimer(timer);
  }

  async abandon(): Promise<void> {
    this.isStopping = true;
    await this.worker.terminate();
  }

  private post(message: ToThread): void {
    this.worker.postMessage(message);
  }

  private receive(message: FromThread): void {
    if (message.kind === 'begun') this.isBeating = true;
    else if (message.kind === 'lost') this.listener.onLost(message.tasks);
    else if (message.kind === 'describe') void this.describe(message.tasks);
    else if (message.kind === 'cancelRequests') this.listener.onCancelRequests(message.requests);
    else this.deps.logger[message.level](message.message, message.fields);
  }

  private async describe(tasks: readonly TaskRef[]): Promise<void> {
    this.post({ kind: 'described', tasks: await this.listener.describe(tasks) });
  }
}

/** The thread's side: beats until a `stop` message, then releases everything that keeps the thread alive. */
export function beatInThread(
  port: MessagePort,
  { connection, settings, pulse }: HeartbeatThreadData,
  openBroker: (connection: Connection, options: { clock: Clock | undefined; logger: Logger }) => Broker,
  clock?: Clock,
): void {
  const post = (message: FromThread): void => port.postMessage(message);
  const logger = loggerTo(post);
  const broker = openBroker(connection, { clock, logger });
  let answer: (tasks: Descriptions) => void = () => undefined;
  const listener: BeatListener = {
    describe: (tasks) => {
      post({ kind: 'describe', tasks });
      return new Promise((resolve) => (answer = resolve)); // one question at a time
    },
    onLost: (tasks) => post({ kind: 'lost', tasks }),
    onCancelRequests: (requests) => post({ kind: 'cancelRequests', requests }),
  };
  const table = new LeaseTable();
  const shared = { table, pulse: new Pulse(longestPauseMs(settings), pulse) };
  const deps: LoopDeps = { clock: broker.clock, logger };
  const heartbeat = new Heartbeater(broker, settings, shared, listener, deps);
  const watch = new HeldWatch(broker, table, shared.pulse, deps);
  const stop = async (): Promise<void> => {
    await Promise.all([heartbeat.stop(), watch.stop()]);
    await broker.close();
    port.close();
  };
  port.on('message', (message: ToThread) => {
    if (message.kind === 'news') table.learn(message.news);
    else if (message.kind === 'held') watch.wake();
    else if (message.kind === 'described') answer(message.tasks);
    else if (message.kind === 'status') heartbeat.setStatus(message.status);
    else void stop();
  });
  heartbeat.start();
  watch.start();
  post({ kind: 'begun' });
}

/** Logs in the main thread, where the user's logger is. */
function loggerTo(post: (message: FromThread) => void): Logger {
  const send =
    (level: keyof Logger) =>
    (message: string, fields: object = {}): void =>
      post({ kind: 'log', level, message, fields: Object.fromEntries(Object.entries(fields).map(toPlain)) });
  return { debug: send('debug'), info: send('info'), warn: send('warn'), error: send('error') };
}

/** A field that can be sent between threads; an error becomes its stack and causes. */
function toPlain([name, value]: [string, unknown]): [string, unknown] {
  return [name, typeof value === 'object' || typeof value === 'function' ? inspect(value) : value];
}
