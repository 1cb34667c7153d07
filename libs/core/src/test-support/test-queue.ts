import { randomUUID } from 'node:crypto';
import type { Cluster, Redis } from 'ioredis';
import { openMemoryBroker } from '../broker/memory/memory-broker.js';
import { openRedisBroker } from '../broker/redis/redis-broker.js';
import type { RedisConnection } from '../broker/redis/redis-connection.js';
import type { Broker } from '../broker/contract/broker.js';
import type { LeaseClaim, LeasedTask } from '../broker/contract/lease.js';
import { type Duration, toMs } from '../runtime/duration.js';
import type { SchedulerEnqueueEvent, SchedulerEntry } from '../wire/scheduler-entry.js';
import type { ServerInfo } from '../wire/server-info.js';
import { silentLogger } from '../runtime/logger.js';
import { emptyMessage, encodeTaskMessage, type TaskMessage } from '../wire/task-message.js';
import type { TaskState } from '../wire/task-state.js';
import { ceilS, floorS } from '../wire/unix-time.js';
import type { FakeClock } from '../testing/fake-clock.js';
import type { KeyGuard } from './key-guard.js';
import { MemoryBackdoor } from './memory-backdoor.js';
import type { Backdoor, Injection, PresenceDump, QueueDump, TaskFields } from './queue-dump.js';
import { RedisBackdoor } from './redis-backdoor.js';
import { SteppingClock } from './stepping-clock.js';

export { encodeTaskMessage, type TaskMessage };

/** Lease of seeded active tasks, a server's default. */
const LEASE_MS = 30_000;

/**
 * Where the clock of a test queue starts, 2099-12-31T22:13:20Z: in the future, because the counters of a day expire by
 * the clock of Redis itself, which would drop those of a past year at once.
 */
const START_MS = 4_102_438_400_000;

/** Tasks to put into a queue, by their ids. Each has the message that {@link TestQueue.message} returns. */
export interface Seed {
  /** Next to run first. */
  readonly pending?: readonly string[];
  /** Newest first; each leased for 30 s from now. */
  readonly active?: readonly string[];
  /** Delay until it is due. */
  readonly scheduled?: Readonly<Record<string, Duration>>;
  /** Delay until it is due. */
  readonly retry?: Readonly<Record<string, Duration>>;
  /** Time since it was archived. */
  readonly archived?: Readonly<Record<string, Duration>>;
  /** Remaining retention. */
  readonly completed?: Readonly<Record<string, Duration>>;
  /** Overrides for the messages of these tasks. A unique key is locked for an hour. */
  readonly messages?: Readonly<Record<string, Partial<TaskMessage>>>;
}

/**
 * A fresh queue for one test, with a unique name, so that tests run in parallel and never flush.
 *
 * ```ts
 * await using q = openMemoryQueue();
 * await q.seed({ pending: ['waiting'], active: ['mine'] });
 * await q.broker.settle(q.name, [{ message: q.message('mine'), claim: q.claim('mine'), outcome: { kind: 'done' } }]);
 * expect(await q.dump()).toMatchObject({ nextUp: ['waiting'], active: [] });
 * ```
 */
export class TestQueue implements AsyncDisposable {
  readonly #seeded = new Map<string, TaskMessage>();
  readonly #leases = new Map<string, number>();

  constructor(
    readonly name: string,
    readonly broker: Broker,
    readonly clock: FakeClock,
    private readonly backdoor: Backdoor,
  ) {}

  /** What clients and servers of a test connect by. A suite may limit `broker`, by which a test calls it itself. */
  get connection(): Broker {
    return this.broker;
  }

  /** The message of a task of this queue: as seeded, or as it would be seeded without overrides. */
  message(id: string, differences: Partial<TaskMessage> = {}): TaskMessage {
    const message = { ...(this.#seeded.get(id) ?? defaultMessage(this.name, id)), ...differences };
    return { ...message, payload: Uint8Array.from(message.payload) };
  }

  /** Proof of ownership of a seeded active task, or of one that was fetched. */
  claim(task: string | LeasedTask): LeaseClaim {
    if (typeof task !== 'string') return { id: task.message.id, expiriesS: [task.leaseExpiresAtS] };
    const expiresAtS = this.#leases.get(task);
    if (expiresAtS === undefined) throw new Error(`task ${task} was not seeded as active`);
    return { id: task, expiriesS: [expiresAtS] };
  }

  async seed(seed: Seed): Promise<void> {
    const { pending = [], active = [], messages = {} } = seed;
    const expiresAtS = ceilS(this.clock.nowMs() + LEASE_MS);
    for (const id of active) this.#leases.set(id, expiresAtS);
    await this.inject({
      tasks: this.#seededTasks(seed),
      nextUp: pending,
      active,
      leases: Object.fromEntries(active.map((id) => [id, expiresAtS])),
      scheduled: mapValues(seed.scheduled, (length) => ceilS(this.#inMs(length))),
      retry: mapValues(seed.retry, (length) => ceilS(this.#inMs(length))),
      archived: mapValues(seed.archived, (length) => floorS(this.clock.nowMs() - toMs('archived', length))),
      completed: mapValues(seed.completed, (length) => floorS(this.#inMs(length))),
      locks: Object.fromEntries(
        Object.entries(messages).flatMap(([id, { uniqueKey }]) => (uniqueKey ? [[uniqueKey, id]] : [])),
      ),
    });
  }

  /** Changes the queue past the broker, to states that no broker leaves behind. */
  inject(injection: Injection): Promise<void> {
    return this.backdoor.inject(injection);
  }

  /** As if the lease had ended and another server were working on the task. */
  async reclaimLease(id: string): Promise<void> {
    const [expiresAtS] = this.claim(id).expiriesS;
    await this.inject({ leases: { [id]: expiresAtS! + 60 } });
  }

  dump(): Promise<QueueDump> {
    return this.backdoor.dump();
  }

  /** The presence of a server; `undefined` when it is not registered. */
  presence(server: ServerInfo): Promise<PresenceDump | undefined> {
    return this.backdoor.presence(server);
  }

  /** A scheduler's plan as inspectors see it, the next to fire first. */
  plan(schedulerId: string): Promise<SchedulerEntry[]> {
    return this.backdoor.plan(schedulerId);
  }

  /** The firings of a scheduler's entry, oldest first. */
  history(entryId: string): Promise<SchedulerEnqueueEvent[]> {
    return this.backdoor.history(entryId);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.broker.close();
    await this.backdoor.destroy();
  }

  /** The hashes of all tasks of a seed. */
  #seededTasks(seed: Seed): Record<string, TaskFields> {
    const fields =
      (state: TaskState, rest: TaskFields = {}) =>
      (id: string) => {
        const message = this.message(id, seed.messages?.[id]);
        this.#seeded.set(id, message);
        const uniqueKey = message.uniqueKey || undefined;
        return [id, { msg: encodeTaskMessage(message), state, ...(uniqueKey && { uniqueKey }), ...rest }] as const;
      };
    const delayed = (state: 'scheduled' | 'retry') =>
      Object.entries(seed[state] ?? {}).map(([id, length]) => fields(state, { dueAtMs: this.#inMs(length) })(id));
    return Object.fromEntries([
      ...(seed.pending ?? []).map(fields('pending', { pendingSinceNs: this.clock.nowNs() })),
      ...(seed.active ?? []).map(fields('active')),
      ...delayed('scheduled'),
      ...delayed('retry'),
      ...Object.keys(seed.archived ?? {}).map(fields('archived')),
      ...Object.keys(seed.completed ?? {}).map(fields('completed')),
    ]);
  }

  #inMs(length: Duration): number {
    return this.clock.nowMs() + toMs('seed', length);
  }
}

const mapValues = (
  lengths: Readonly<Record<string, Duration>> = {},
  toS: (length: Duration) => number,
): Record<string, number> => Object.fromEntries(Object.entries(lengths).map(([id, length]) => [id, toS(length)]));

/** Options of a queue for a test. */
export interface TestQueueOptions {
  /** Default: a new one at 2099-12-31T22:13:20Z. Give the same clock to two queues to compare them. */
  readonly clock?: FakeClock | undefined;
  /** Default: a new one. */
  readonly name?: string | undefined;
}

/** A queue on a memory broker of its own. */
export function openMemoryQueue({
  clock = new SteppingClock(START_MS),
  name = freshName(),
}: TestQueueOptions = {}): TestQueue {
  const broker = openMemoryBroker({ clock });
  return new TestQueue(name, broker, clock, new MemoryBackdoor(broker.store, name));
}

/** Options of a queue for a test in Redis. */
export interface RedisTestQueueOptions extends TestQueueOptions {
  /** Use only scripts that declare every key. Default `false`. */
  readonly declaredKeysOnly?: boolean | undefined;
  /** Where the broker connects, such as to a proxy in front of that Redis. Default: where the client does. */
  readonly connection?: RedisConnection | undefined;
  /** Watches the keys of every script. Default: none. */
  readonly guard?: Pick<KeyGuard, 'prepareScript'> | undefined;
  /** The broker goes by the time of Redis, not by the queue's clock. Default `false`. */
  readonly hasRedisTime?: boolean | undefined;
}

/** A queue on Redis. `client` reads and seeds it; the broker opens its own connections. */
export function openRedisQueue(
  client: Redis | Cluster,
  {
    clock = new SteppingClock(START_MS),
    name = freshName(),
    declaredKeysOnly,
    connection = { client, declaredKeysOnly },
    guard,
    hasRedisTime = false,
  }: RedisTestQueueOptions = {},
): TestQueue {
  const options = { logger: silentLogger, prepareScript: guard?.prepareScript };
  const broker = openRedisBroker(connection, hasRedisTime ? options : { ...options, clock });
  return new TestQueue(name, broker, clock, new RedisBackdoor(client, name));
}

const freshName = (): string => `test-${randomUUID()}`;

/** A task that a client would write with its defaults. */
export const defaultMessage = (queue: string, id: string): TaskMessage => ({
  ...emptyMessage(),
  type: 'test:task',
  payload: Buffer.from(JSON.stringify({ id })),
  id,
  queue,
  maxRetry: 25,
  timeoutS: 1800n,
});
