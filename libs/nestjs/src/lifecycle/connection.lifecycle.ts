import { setTimeout as delay } from 'node:timers/promises';
import type { BeforeApplicationShutdown, OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import type { ModuleRef } from '@nestjs/core';
import { type Client, type Logger, UnsupportedRedisError } from '@nestjs-asynq/core';
import { type Broker, unlessAborted } from '@nestjs-asynq/core/internal';
import type { AsynqSettings } from '../asynq.options.js';
import type { TaskAggregators } from '../discovery/task-aggregators.js';
import type { TaskEventMethods } from '../discovery/task-event-methods.js';
import type { TaskHandlers } from '../discovery/task-handlers.js';
import { HandlerSetupError } from '../discovery/handler-setup.error.js';
import type { PeriodicTasks } from '../scheduler/periodic-tasks.js';
import {
  addressOf,
  ConnectionUnavailableError,
  DuplicateConnectionError,
  hasReason,
  isPermanent,
  reasonOf,
} from './connection.errors.js';
import { onLazyModule } from './lazy-modules.js';
import type { TaskEvents } from './task-events.js';
import type { TaskQueueEvents } from './task-queue-events.js';
import type { TaskServer } from './task-server.js';

/** Delay between attempts to reach Redis at boot. */
const RETRY_DELAY_MS = 200;
/**
 * Grace period after the timeout: a client retries for a second before it reports the cause, which must not be lost.
 */
const REASON_GRACE_MS = 200;

export interface ConnectionLifecycleDeps {
  readonly settings: AsynqSettings;
  readonly broker: Broker;
  readonly client: Client;
  readonly handlers: TaskHandlers;
  readonly aggregators: TaskAggregators;
  readonly periodicTasks: PeriodicTasks;
  readonly events: TaskEvents;
  readonly eventMethods: TaskEventMethods;
  readonly queueEvents: TaskQueueEvents;
  readonly logger: Logger;
  readonly server: Pick<TaskServer, 'add' | 'state'>;
  readonly moduleRef: ModuleRef;
  /** Whether all modules of an app are there: a testing module has some of them. */
  readonly isAppOfOwn: () => boolean;
  /** Names of all connections in the app, duplicates included. */
  readonly connectionNames: () => readonly string[];
}

/**
 * Opens and closes a connection. Its module is global, so Nest initializes it before all others and shuts it down after
 * them: a faulty setup is reported before anything starts, and tasks can be enqueued until the end.
 */
export class ConnectionLifecycle implements OnModuleInit, BeforeApplicationShutdown, OnApplicationShutdown {
  constructor(private readonly deps: ConnectionLifecycleDeps) {}

  /**
   * @throws {DuplicateConnectionError} `forRoot` was called twice for this name
   * @throws {HandlerSetupError} an invalid handler, aggregator or periodic task
   * @throws {ConnectionUnavailableError} Redis did not answer in time
   * @throws {UnsupportedRedisError} the server is too old
   */
  async onModuleInit(): Promise<void> {
    try {
      this.checkName();
      const names = this.deps.connectionNames();
      this.deps.handlers.load(names);
      this.deps.aggregators.load(names);
      this.checkAggregators();
      if (this.deps.isAppOfOwn()) this.deps.handlers.noteUnprovided();
      onLazyModule(this.deps.moduleRef, () => this.bindMore());
      this.deps.periodicTasks.load(names);
      this.deps.eventMethods.load(names);
      await this.deps.handlers.prepare();
      await this.connect();
    } catch (error) {
      // Nest runs no shutdown hooks after a failed boot, and an open connection would keep the process alive.
      await this.close();
      throw error;
    }
  }

  /** Open responses would keep the HTTP server from closing. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.deps.queueEvents.close();
  }

  /** What a module that was loaded later brings. */
  private async bindMore(): Promise<void> {
    const { handlers, aggregators, periodicTasks, eventMethods, server } = this.deps;
    const names = this.deps.connectionNames();
    aggregators.load(names, server.state !== 'off' && server.state !== 'new');
    eventMethods.load(names);
    await server.add(await handlers.prepare(handlers.load(names)));
    await periodicTasks.loadMore(names);
  }

  async onApplicationShutdown(): Promise<void> {
    this.deps.events.complete();
    await this.close();
  }

  private async close(): Promise<void> {
    const { client, broker, settings, queueEvents } = this.deps;
    await queueEvents.close();
    await client.close();
    // The caller closes a broker that was passed in.
    if (broker !== settings.connection) await broker.close();
  }

  private checkName(): void {
    const { name } = this.deps.settings;
    if (this.deps.connectionNames().filter((other) => other === name).length < 2) return;
    throw new DuplicateConnectionError(name);
  }

  /** Without handlers no server runs, and groups would wait forever, unnoticed. */
  private checkAggregators(): void {
    const { settings, handlers, aggregators } = this.deps;
    const [pattern] = aggregators.patterns;
    if (pattern === undefined || handlers.all.length > 0 || !settings.worker) return;
    throw new HandlerSetupError(
      `groups "${pattern}" have a @TaskAggregator, but connection "${settings.name}" has no @TaskHandler, so that no ` +
        'server runs. Add the handler of the combined tasks, or set "worker" to false.',
    );
  }

  private async connect(): Promise<void> {
    const { connection, connect } = this.deps.settings;
    const error = await this.firstAnswer(connect.timeoutMs);
    if (error === undefined) return this.checkVersion();
    const address = addressOf(connection);
    const waitedMs = isPermanent(error) ? 0 : connect.timeoutMs;
    if (connect.required) throw new ConnectionUnavailableError(address, waitedMs, { cause: error });
    this.deps.logger.warn(`starting without Redis at ${address} (${reasonOf(error)}); tasks run as soon as it answers`);
  }

  private async checkVersion(): Promise<void> {
    try {
      await this.deps.broker.checkVersion();
    } catch (error) {
      if (error instanceof UnsupportedRedisError) throw error; // all else passes, or is found by the parts that meet it
    }
  }

  /** Retries until Redis answers; the last error if it does not in time, or if waiting cannot help. */
  private async firstAnswer(timeoutMs: number): Promise<unknown> {
    const timeout = AbortSignal.timeout(Math.ceil(timeoutMs)); // takes whole milliseconds only
    let last: unknown;
    while (!timeout.aborted) {
      const ping = this.deps.broker.ping();
      try {
        await unlessAborted(timeout, ping); // a client may answer for a dead server long after the timeout
        return undefined;
      } catch (error) {
        if (isPermanent(error)) return error;
        if (!timeout.aborted && (last === undefined || hasReason(error))) last = error;
      }
      if (timeout.aborted) last ??= await failureReason(ping);
      await delay(RETRY_DELAY_MS, undefined, { signal: timeout }).catch(() => undefined);
    }
    return last ?? new Error('no answer');
  }
}

/** The reason why an abandoned ping failed; `undefined` if it reports none in time. */
async function failureReason(ping: Promise<void>): Promise<unknown> {
  const failure = ping.then(
    () => undefined,
    (error: unknown) => error,
  );
  return Promise.race([failure, delay(REASON_GRACE_MS, undefined)]);
}
