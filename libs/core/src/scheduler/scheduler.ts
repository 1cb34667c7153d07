import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { openConnection } from '../broker/open-broker.js';
import type { Broker } from '../broker/contract/broker.js';
import { Client, readComposing, readPublishing } from '../client/client.js';
import { noteEnqueued } from '../client/enqueue-history.js';
import { placeOfProgram } from '../client/traced-place.js';
import { EventPublisher, publishingTo } from '../events/event-publisher.js';
import { ClosedError } from '../errors/closed.error.js';
import { ScheduleNotFoundError } from '../errors/schedule-not-found.error.js';
import { allOf } from '../runtime/all-of.js';
import { type Clock, LONGEST_TIMER_MS } from '../runtime/clock.js';
import { consoleLogger, guardLogger, type Logger } from '../runtime/logger.js';
import { nearestName } from '../runtime/nearest-name.js';
import { within } from '../runtime/within.js';
import { guardListener } from '../task/task-event.js';
import type { EnqueuedTask } from '../task/task-handle.js';
import { dateOf } from '../wire/unix-time.js';
import { type EntrySettings, makeEntry, nameTaken, type PeriodicEntry } from './periodic-entry.js';
import type { PeriodicTaskOptions } from './periodic-options.js';
import { EntryHeartbeat } from './entry-heartbeat.js';
import { type PlanChanges, ProviderSync } from './provider-sync.js';
import { readSchedulerOptions, type SchedulerOptions } from './scheduler-options.js';
import { TickLoops } from './tick-loops.js';

/** How long shutdown waits for replies: the reply timeout for pending claims, plus a margin. */
const LONGEST_SHUTDOWN_MS = 6_000;
/** How long `runNow` waits for the history to be written. */
const HISTORY_TIMEOUT_MS = 500;

/** A periodic task as a scheduler has planned it. */
export interface PlannedTask {
  /** The id of this registration, as shown by `asynq cron ls`. */
  readonly id: string;
  /** The schedule's name, unique in its queue and in this scheduler. */
  readonly name: string;
  readonly queue: string;
  /** With the time zone in front, when it is not UTC. */
  readonly spec: string;
  readonly type: string;
  /** `undefined`: it never fires, or the scheduler has not started. */
  readonly nextAt: Date | undefined;
  /** The last tick, whichever scheduler claimed it; `undefined`: none yet. */
  readonly previousAt: Date | undefined;
  readonly isPaused: boolean;
}

/**
 * Enqueues periodic tasks.
 *
 * ```ts
 * const scheduler = new Scheduler({ connection: { url: 'redis://localhost:6379' }, zone: 'Europe/Berlin' });
 * scheduler.register('0 3 * * *', 'report:build', { kind: 'daily' }, { queue: 'low' });
 * await scheduler.start();
 * ```
 *
 * Any number of schedulers may have the same periodic tasks: each tick is claimed and its task enqueued in one step, so
 * that it is enqueued once. (Go schedulers fire independently of ours.) Schedules outlive their schedulers: the
 * `Inspector` lists and controls those of every process, and its changes take effect here at once.
 *
 * A scheduler is used once: `new`, `active`, `closed`.
 */
export class Scheduler {
  readonly #broker: Broker;
  readonly #ownsBroker: boolean;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #client: Client;
  readonly #publisher: EventPublisher | undefined;
  readonly #settings: EntrySettings;
  readonly #entries = new Map<string, PeriodicEntry>();
  readonly #ticks: TickLoops;
  readonly #heartbeat: EntryHeartbeat;
  readonly #sync: ProviderSync | undefined;
  #state: 'new' | 'active' | 'closed' = 'new';
  #closing: Promise<void> | undefined;
  /** Keeps the process alive: the clock's timers do not. */
  #keepAlive: NodeJS.Timeout | undefined;

  /**
   * Connects at `start()`.
   * @throws {InvalidOptionsError} an option is wrong
   */
  constructor(options: SchedulerOptions) {
    const settings = readSchedulerOptions(options);
    this.#settings = { composing: readComposing(settings.client), zone: settings.zone };
    this.#logger = guardLogger(options.logger ?? consoleLogger);
    this.#broker = openConnection(options.connection, { clock: options.clock, logger: this.#logger });
    this.#clock = options.clock ?? this.#broker.clock;
    this.#ownsBroker = this.#broker !== options.connection;
    const publishing = readPublishing(settings.client);
    this.#publisher =
      publishing && new EventPublisher(this.#broker, publishing, { clock: this.#clock, logger: this.#logger });
    this.#client = new Client({
      ...settings.client,
      connection: this.#broker,
      clock: this.#clock,
      logger: this.#logger,
    });

    const deps = { clock: this.#clock, logger: this.#logger };
    const schedulerId = `${hostname()}:${process.pid}:${randomUUID()}`;
    this.#ticks = new TickLoops({
      ...deps,
      broker: this.#broker,
      emit: publishingTo(this.#publisher, guardListener(options.onEvent, this.#logger)),
      tracer: options.tracing?.open(placeOfProgram(this.#broker)),
      beforeEnqueue: options.beforeEnqueue,
      onPlanned: () => this.#heartbeat.wake(),
    });
    this.#heartbeat = new EntryHeartbeat(this.#broker, schedulerId, this.#entries, settings.heartbeatMs, deps);
    if (options.provider) this.#sync = new ProviderSync(options.provider, this.#changes(), settings.syncMs, deps);
  }

  /** `active` from `start()` to `shutdown()`: only then do ticks fire. */
  get state(): 'new' | 'active' | 'closed' {
    return this.#state;
  }

  /**
   * Plans a periodic task, before `start()` or while the scheduler runs.
   *
   * @param spec as in asynq: five fields, `@daily`, `@every 1h30m`; optionally with `CRON_TZ=Asia/Tokyo ` in front
   * @throws {CronSpecError} the spec cannot be read
   * @throws {InvalidOptionsError} type, payload or options are wrong, or another periodic task has the name
   * @throws {PayloadTooLargeError} the encoded payload is above `maxPayloadBytes`
   * @throws {ClosedError} after `shutdown()`
   */
  register(spec: string, type: string, payload?: unknown, options?: PeriodicTaskOptions): PlannedTask {
    if (this.#state === 'closed') throw new ClosedError('scheduler');
    const entry = makeEntry({ spec, type, payload, options }, this.#settings);
    this.#add(entry);
    return toPlannedTask(entry);
  }

  /**
   * Removes a periodic task from the plan and deletes its schedule. Another scheduler that still has it creates it again.
   * If another definition is stored under the name by now, that is kept.
   * @throws {ScheduleNotFoundError} there is no periodic task of this name
   * @throws {RedisCommandError} the schedule may still be stored; it no longer fires here
   */
  async unregister(name: string): Promise<void> {
    const entry = this.#find(name);
    this.#drop(entry);
    await this.#clear(entry, true);
  }

  /** The plan, in the order of registration. */
  entries(): PlannedTask[] {
    return [...this.#entries.values()].map(toPlannedTask);
  }

  /**
   * Starts firing; does nothing when already active. An unreachable Redis is not an error: the scheduler logs it, and
   * catches up when Redis is back.
   * @throws {ClosedError} after `shutdown()`, also during the provider's first call
   * @throws the error of the provider's first call, or of its periodic tasks
   */
  async start(): Promise<void> {
    if (this.#state === 'closed') throw new ClosedError('scheduler');
    if (this.#state === 'active') return;
    this.#state = 'active';
    this.#keepAlive = setInterval(() => undefined, LONGEST_TIMER_MS);
    try {
      await this.#sync?.begin();
    } catch (error) {
      await this.shutdown();
      throw error;
    }
    if (this.#closing) throw new ClosedError('scheduler');
    for (const loop of [this.#ticks, this.#heartbeat, this.#sync]) loop?.start();
  }

  /**
   * Pauses the schedule for every scheduler that has it, until {@link resume}. Ticks during the pause are skipped.
   * `false`: it was paused already.
   * @throws {ScheduleNotFoundError} there is no periodic task of this name
   */
  async pause(name: string): Promise<boolean> {
    return this.#setPaused(this.#find(name), true);
  }

  /**
   * Resumes a paused schedule; `false`: it was not paused.
   * @throws {ScheduleNotFoundError} there is no periodic task of this name
   */
  async resume(name: string): Promise<boolean> {
    return this.#setPaused(this.#find(name), false);
  }

  /**
   * Enqueues the task of a periodic task now, in addition to its ticks, paused or not.
   * @throws {ScheduleNotFoundError} there is no periodic task of this name
   * @throws whatever `Client.enqueue` throws
   */
  async runNow(name: string): Promise<EnqueuedTask> {
    const entry = this.#find(name);
    const { type, payload, options } = entry.item;
    const task = await this.#client.enqueue(type, payload, options);
    const noted = noteEnqueued(this.#broker, entry, task.id, { clock: this.#clock, logger: this.#logger });
    await within(this.#clock, HISTORY_TIMEOUT_MS, noted);
    return task;
  }

  /**
   * Pings Redis.
   * @throws {RedisCommandError} Redis cannot be reached
   * @throws {ClosedError} after `shutdown()`
   */
  async ping(): Promise<void> {
    if (this.#state === 'closed') throw new ClosedError('scheduler');
    await this.#client.ping();
  }

  /**
   * Stops firing, waits for pending claims, deregisters, and closes the connections that it opened. Stored schedules
   * are kept. Never rejects because of Redis, and takes at most 6 s when Redis does not answer. Idempotent.
   */
  async shutdown(): Promise<void> {
    this.#closing ??= this.#shutDown();
    await this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  async #shutDown(): Promise<void> {
    this.#state = 'closed';
    const stopped = Promise.all([this.#ticks.stop(), this.#heartbeat.stop(), this.#sync?.stop()]);
    await within(
      this.#clock,
      LONGEST_SHUTDOWN_MS,
      stopped.then(() => this.#leave()),
    );
    await Promise.all([this.#client.close(), this.#publisher?.close()]);
    if (this.#ownsBroker) await this.#broker.close();
    clearInterval(this.#keepAlive);
  }

  /** Never rejects. */
  async #leave(): Promise<void> {
    try {
      // As in asynq, histories are deleted with their registrations.
      const histories = [...this.#entries.values()].map(({ id }) => this.#broker.clearHistory(id));
      await allOf([this.#heartbeat.clear(), ...histories]);
    } catch (error) {
      this.#logger.warn('could not remove the plan at shutdown; it will expire', { error });
    }
  }

  #add(entry: PeriodicEntry): void {
    if (this.#entries.has(entry.name)) throw nameTaken(entry.name);
    this.#entries.set(entry.name, entry);
    this.#ticks.add(entry);
  }

  #drop(entry: PeriodicEntry): void {
    this.#entries.delete(entry.name);
    this.#ticks.remove(entry);
  }

  async #clear(entry: PeriodicEntry, isForgotten: boolean): Promise<void> {
    const schedule = isForgotten ? [this.#broker.removeSchedule(entry.definition)] : [];
    await allOf([...schedule, this.#broker.clearHistory(entry.id)]); // on other nodes of a cluster
  }

  async #setPaused(entry: PeriodicEntry, isPaused: boolean): Promise<boolean> {
    const { definition } = entry;
    let hasChanged = await this.#broker.setSchedulePaused(definition, isPaused);
    if (hasChanged === undefined) {
      await this.#ticks.store(entry); // it was never stored, or was removed
      hasChanged = await this.#broker.setSchedulePaused(definition, isPaused);
    }
    entry.follow(await this.#broker.findSchedule(definition), this.#clock.nowMs());
    this.#ticks.wake(definition.queue);
    return hasChanged ?? false;
  }

  #find(name: string): PeriodicEntry {
    const entry = this.#entries.get(name);
    if (!entry) throw new ScheduleNotFoundError(name, nearestName(name, this.#entries.keys()));
    return entry;
  }

  #changes(): PlanChanges {
    return {
      make: (config) => makeEntry(config, this.#settings),
      isTaken: (name) => this.#entries.has(name),
      add: (entry) => this.#add(entry),
      drop: (entry) => this.#drop(entry),
      clear: (entry, isForgotten) => this.#clear(entry, isForgotten),
    };
  }
}

function toPlannedTask(entry: PeriodicEntry): PlannedTask {
  const { id, name, definition, nextMs, progress } = entry;
  return {
    id,
    name,
    queue: definition.queue,
    spec: definition.spec,
    type: definition.template.message.type,
    nextAt: nextMs === undefined ? undefined : dateOf(nextMs),
    previousAt: progress?.firedMs === undefined ? undefined : dateOf(progress.firedMs),
    isPaused: progress?.isPaused ?? false,
  };
}
