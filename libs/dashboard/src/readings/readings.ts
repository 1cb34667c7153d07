import { type Inspector, type Logger, QueueNotFoundError, type ServerInfo } from '@nestjs-asynq/core';
import { errorText } from '@nestjs-asynq/core/internal';
import type { Warning } from '../api/queues.js';
import { sortInSlices } from '../slices/sort-in-slices.js';
import { WorkSlices } from '../slices/work-slices.js';
import { QueueHistory, type QueueReading } from './queue-reading.js';
import { serversByQueue } from './troubles.js';

/** Somebody looks: the figures of the shown queues are read every second. */
const WATCHED_MS = 1_000;
/** Nobody does: for the charts alone. */
const IDLE_MS = 10_000;
/** How long somebody counts as looking after a request. */
const LOOKING_MS = 15_000;

/** Queues that are read at once, so that their replies do not hold the event loop. */
const BATCH = 25;
/** Queues that one reading takes on, beyond those that are shown. */
const MOST_PER_TICK = 200;
/** Queues with a history, which takes about 85 kB each. */
const MOST_HISTORIES = 200;
/** How long names of queues, and servers, are good for. */
const NAMES_MS = 5_000;
const SERVERS_MS = 2_000;
/** How long the settings of Redis are. */
const POLICIES_MS = 60_000;
/** A reading that is not older than this is as good as a new one, for those who only look. */
const FRESH_MS = 900;

const NO_EVICTION = 'noeviction';

/** A reading under way. */
class Running {
  ended: Promise<void> = Promise.resolve();
  /** An action has changed something since it began: it is good for those who asked before, and outdated when it ends. */
  isOutdated = false;

  /** @param atMs when it began: what has changed since may be missing in it */
  constructor(readonly atMs: number) {}

  /** As of when its result is good. */
  get goodMs(): number {
    return this.isOutdated ? Number.NEGATIVE_INFINITY : this.atMs;
  }
}

interface ReadingsDeps {
  readonly inspector: Inspector;
  readonly logger: Logger;
  readonly nowMs: () => number;
}

/**
 * The figures of all queues of a connection, read by one loop for all viewers: ten browsers cost Redis no more than
 * one. Each turn reads the queues that are shown, and then those that were not read for longest.
 */
export class Readings {
  private readonly readings = new Map<string, QueueReading>();
  private readonly histories = new Map<string, QueueHistory>();
  private readonly inHand = new Map<string, Running>();
  /** Queues on a screen, and when they were last asked for. */
  private readonly shown = new Map<string, number>();
  private knownNames: readonly string[] = [];
  private namesAtMs = Number.NEGATIVE_INFINITY;
  private knownServers: readonly ServerInfo[] | undefined;
  private served: ReadonlyMap<string, number> | undefined;
  private serversAtMs = Number.NEGATIVE_INFINITY;
  private lookedAtMs = Number.NEGATIVE_INFINITY;
  private turnedAtMs = Number.NEGATIVE_INFINITY;
  private missing: readonly Warning[] = [];
  private policies: readonly string[] = [];
  private policiesAtMs = Number.NEGATIVE_INFINITY;
  private failure: string | undefined;
  private timer: NodeJS.Timeout | undefined;
  private turning: Promise<void> | undefined;
  private isClosed = false;
  private changes = 0;
  private readonly listeners = new Set<() => void>();
  /** When this process began to read. */
  readonly sinceMs: number;

  constructor(private readonly deps: ReadingsDeps) {
    this.sinceMs = deps.nowMs();
  }

  /** Begins to keep figures. Errors are shown as warnings, and do not end it. */
  start(): void {
    this.timer = setInterval(() => this.tick(), WATCHED_MS).unref();
  }

  async close(): Promise<void> {
    this.isClosed = true;
    clearInterval(this.timer);
    this.listeners.clear();
    await this.turning;
  }

  /** Calls back after each reading. */
  onTurn(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Grows with everything that is read: what was made of the figures holds while it stays. */
  get version(): number {
    return this.changes;
  }

  /** Sorted. */
  get names(): readonly string[] {
    return this.knownNames;
  }

  /** `undefined`: not known yet, or not readable. */
  get servers(): readonly ServerInfo[] | undefined {
    return this.knownServers;
  }

  /** How many running servers serve a queue; `undefined`: nothing is known about servers. */
  serversOf(queue: string): number | undefined {
    return this.served && (this.served.get(queue) ?? 0);
  }

  get warnings(): readonly Warning[] {
    const failure: Warning[] = this.failure === undefined ? [] : [{ code: 'redisUnreachable', message: this.failure }];
    const idle: Warning[] =
      this.knownServers?.length === 0 && this.failure === undefined ? [{ code: 'noServers' }] : [];
    const evicts = this.policies.map((policy): Warning => ({ code: 'redisEvicts', policy }));
    return [...failure, ...idle, ...evicts, ...this.missing];
  }

  of(queue: string): QueueReading | undefined {
    return this.readings.get(queue);
  }

  historyOf(queue: string): QueueHistory | undefined {
    return this.histories.get(queue);
  }

  /** Somebody looks at these queues: they are read with every turn for a while. */
  look(queues: readonly string[]): void {
    const nowMs = this.deps.nowMs();
    this.lookedAtMs = nowMs;
    for (const queue of queues) this.shown.set(queue, nowMs);
  }

  /** Names and servers are known afterwards. @throws {RedisCommandError} the names cannot be read */
  async ready(): Promise<void> {
    try {
      await this.readySince(this.deps.nowMs() - NAMES_MS);
    } catch (error) {
      if (this.knownNames.length === 0) throw error;
    }
  }

  /**
   * The same with names that were read since then: for work that must not leave out a new queue.
   * @throws {RedisCommandError} the names cannot be read, whether or not older ones are known
   */
  async readySince(sinceMs: number): Promise<void> {
    const servers = this.readServers(); // never rejects
    try {
      await this.readNames(sinceMs);
    } finally {
      await servers;
    }
  }

  /** The figures of a queue, not older than about a second. @throws {QueueNotFoundError} */
  async fresh(queue: string): Promise<QueueReading> {
    try {
      return await this.since(queue, this.deps.nowMs() - FRESH_MS);
    } catch (error) {
      const older = this.readings.get(queue);
      if (older) return older;
      throw error;
    }
  }

  /**
   * The figures of a queue, read since then: for work that must not leave out a new task.
   * @throws {QueueNotFoundError}
   * @throws {RedisCommandError} they cannot be read, whether or not older ones are known
   */
  async since(queue: string, sinceMs: number): Promise<QueueReading> {
    await this.readQueue(queue, sinceMs);
    const reading = this.readings.get(queue);
    if (!reading) throw new QueueNotFoundError(queue);
    return reading;
  }

  /** Reads queues that are older than `maxAgeMs`, for at most `budgetMs`; what is missing then follows with the turns. */
  async freshen(queues: readonly string[], maxAgeMs: number, budgetMs: number): Promise<void> {
    const nowMs = this.deps.nowMs();
    await this.readQueues(queues, nowMs - maxAgeMs, nowMs + budgetMs);
  }

  /** Reads queues that were not read since then. Of those that cannot be read, older figures stay. */
  async readQueues(queues: readonly string[], sinceMs: number, untilMs = Number.POSITIVE_INFINITY): Promise<void> {
    for (let at = 0; at < queues.length && this.deps.nowMs() < untilMs; at += BATCH) {
      await Promise.all(queues.slice(at, at + BATCH).map((queue) => this.readQueue(queue, sinceMs).catch(() => {})));
    }
  }

  /** Forgets what an action has changed, so that the next look reads it again, whatever is being read at the moment. */
  changed(queue: string): void {
    const reading = this.readings.get(queue);
    if (reading) this.readings.set(queue, { ...reading, atMs: Number.NEGATIVE_INFINITY });
    this.namesAtMs = Number.NEGATIVE_INFINITY;
    for (const what of ['names', `queue ${queue}`]) {
      const running = this.inHand.get(what);
      if (running) running.isOutdated = true;
    }
  }

  private tick(): void {
    const nowMs = this.deps.nowMs();
    const isLooked = nowMs - this.lookedAtMs < LOOKING_MS;
    if (this.turning || this.isClosed || (!isLooked && nowMs - this.turnedAtMs < IDLE_MS)) return;
    this.turnedAtMs = nowMs;
    this.turning = this.turn()
      .catch((error: unknown) => this.deps.logger.debug('the dashboard could not read', { error }))
      .finally(() => (this.turning = undefined));
  }

  /** One reading for all. */
  async turn(): Promise<void> {
    await this.ready().catch(() => undefined); // a warning says so
    const nowMs = this.deps.nowMs();
    for (const [queue, atMs] of this.shown) if (nowMs - atMs > LOOKING_MS) this.shown.delete(queue);
    const [shown, others] = await this.oldest(nowMs);
    await this.freshen([...shown, ...others.slice(0, Math.max(0, MOST_PER_TICK - shown.length))], FRESH_MS, IDLE_MS);
    for (const listener of this.listeners) listener();
    await this.readPolicies();
  }

  /** The known queues that are shown, and the others, those first that were not read for longest. */
  private async oldest(nowMs: number): Promise<readonly [shown: readonly string[], others: readonly string[]]> {
    const slices = new WorkSlices();
    const shown: string[] = [];
    const others: { readonly queue: string; readonly atMs: number }[] = [];
    for (const queue of this.knownNames) {
      await slices.take();
      const atMs = this.readings.get(queue)?.atMs ?? Number.NEGATIVE_INFINITY;
      if (this.shown.has(queue)) shown.push(queue);
      else if (nowMs - atMs >= WATCHED_MS) others.push({ queue, atMs });
    }
    const sorted = await sortInSlices(others, (a, b) => (a.atMs < b.atMs ? -1 : a.atMs > b.atMs ? 1 : 0), slices);
    return [shown, sorted.slice(0, MOST_PER_TICK).map(({ queue }) => queue)];
  }

  private async readNames(sinceMs: number): Promise<void> {
    if (this.namesAtMs >= sinceMs) return;
    await this.once('names', sinceMs, async (running) => {
      try {
        this.knownNames = await this.deps.inspector.queues();
        this.namesAtMs = running.goodMs;
        this.changes += 1;
        this.failure = undefined;
        const known = new Set(this.knownNames);
        for (const queue of this.readings.keys()) if (!known.has(queue)) this.forget(queue);
      } catch (error) {
        this.failure = errorText(error);
        throw error;
      }
    });
  }

  private async readServers(): Promise<void> {
    const sinceMs = this.deps.nowMs() - SERVERS_MS;
    if (this.serversAtMs >= sinceMs) return;
    await this.once('servers', sinceMs, async ({ atMs }) => {
      const missing: Warning[] = [];
      const onUnanswered = (part: string, error: unknown): void =>
        void missing.push({ code: 'partMissing', part, message: errorText(error) });
      try {
        const servers = await this.deps.inspector.servers({ onUnanswered });
        this.served = await serversByQueue(servers);
        this.knownServers = servers;
        this.serversAtMs = atMs;
        this.changes += 1;
        this.missing = missing;
      } catch (error) {
        this.knownServers = this.served = undefined;
        this.failure ??= errorText(error);
      }
    });
  }

  /** What the servers do when their memory is full. Many hosts refuse INFO: then nothing is said. */
  private async readPolicies(): Promise<void> {
    const nowMs = this.deps.nowMs();
    if (nowMs - this.policiesAtMs < POLICIES_MS) return;
    this.policiesAtMs = nowMs;
    const nodes = await this.deps.inspector.redisNodes().catch(() => []);
    const policies = nodes.map(({ info }) => info['maxmemory_policy'] ?? NO_EVICTION);
    this.policies = [...new Set(policies)].filter((policy) => policy !== NO_EVICTION);
  }

  private async readQueue(queue: string, sinceMs: number): Promise<void> {
    const before = this.readings.get(queue);
    if (before && before.atMs >= sinceMs) return;
    await this.once(`queue ${queue}`, sinceMs, async (running) => {
      try {
        const info = await this.deps.inspector.queueInfo(queue);
        this.keep(queue, { info, atMs: running.goodMs, error: undefined }, running.atMs);
      } catch (error) {
        if (error instanceof QueueNotFoundError) {
          this.forget(queue);
          throw error;
        }
        const older = this.readings.get(queue);
        if (older) this.readings.set(queue, { ...older, error: errorText(error) });
        throw error;
      }
    });
  }

  private keep(queue: string, reading: QueueReading, atMs: number): void {
    this.readings.set(queue, reading);
    this.changes += 1;
    let history = this.histories.get(queue);
    if (!history && this.histories.size < MOST_HISTORIES) {
      history = new QueueHistory();
      this.histories.set(queue, history);
    }
    history?.keep(reading.info, atMs);
  }

  private forget(queue: string): void {
    this.readings.delete(queue);
    this.changes += 1;
    this.histories.delete(queue);
  }

  /** At most one reading of a kind is under way; those who ask meanwhile share it, unless they want to know what is later. */
  private async once(what: string, sinceMs: number, read: (running: Running) => Promise<void>): Promise<void> {
    for (let running = this.inHand.get(what); running; running = this.inHand.get(what)) {
      if (running.goodMs >= sinceMs) return running.ended;
      await running.ended.catch(() => undefined);
    }
    const running = new Running(this.deps.nowMs());
    running.ended = read(running).finally(() => this.inHand.delete(what));
    this.inHand.set(what, running);
    return running.ended;
  }
}
