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
  type Heartbeat,
  Heartbeater,
  type HeartbeatSettings,
  longestPauseMs,
  type RunningBatch,
} from './heartbeater.js';
import { Pulse } from './shared-leases.js';

/** How long a thread may take to remove the server's presence before it is ended by force. */
const STOP_TIMEOUT_MS = 1_000;

/** The thread's `workerData`. */
export interface HeartbeatThreadData {
  readonly connection: Connection;
  readonly settings: HeartbeatSettings;
  readonly pulse: SharedArrayBuffer;
}

type ToThread =
  | { readonly kind: 'track'; readonly batch: RunningBatch }
  | { readonly kind: 'status'; readonly status: ServerStatus }
  | { readonly kind: 'stop' };

type FromThread =
  | { readonly kind: 'lost'; readonly keys: readonly number[] }
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
export class RemoteHeartbeat implements Heartbeat {
  private readonly worker: HeartbeatWorker;
  private readonly exited: Promise<void>;
  private isStopping = false;
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

  /** The thread starts by itself. */
  start(): void {}

  track(batch: RunningBatch): void {
    this.post({ kind: 'track', batch });
  }

  setStatus(status: ServerStatus): void {
    this.post({ kind: 'status', status });
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    this.worker.ref(); // now the process has to wait for it
    this.post({ kind: 'stop' });
    const timer = this.deps.clock.setTimer(() => void this.worker.terminate(), STOP_TIMEOUT_MS);
    await this.exited;
    this.deps.clock.clearTimer(timer);
  }

  private post(message: ToThread): void {
    this.worker.postMessage(message);
  }

  private receive(message: FromThread): void {
    if (message.kind === 'lost') this.listener.onLost(message.keys);
    else if (message.kind === 'cancelRequests') this.listener.onCancelRequests(message.requests);
    else this.deps.logger[message.level](message.message, message.fields);
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
  const listener: BeatListener = {
    onLost: (keys) => post({ kind: 'lost', keys }),
    onCancelRequests: (requests) => post({ kind: 'cancelRequests', requests }),
  };
  const heartbeat = new Heartbeater(broker, settings, new Pulse(longestPauseMs(settings), pulse), listener, {
    clock: broker.clock,
    logger,
  });
  const stop = async (): Promise<void> => {
    await heartbeat.stop();
    await broker.close();
    port.close();
  };
  port.on('message', (message: ToThread) => {
    if (message.kind === 'track') heartbeat.track(message.batch);
    else if (message.kind === 'status') heartbeat.setStatus(message.status);
    else void stop();
  });
  heartbeat.start();
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
