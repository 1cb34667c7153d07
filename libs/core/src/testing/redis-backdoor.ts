import type { ChainableCommander, Cluster, Redis } from 'ioredis';
import type { CancelWish } from '../broker/wait-roles.js';
import { keys } from '../wire/keys.js';
import {
  decodeSchedulerEnqueueEvent,
  decodeSchedulerEntry,
  type SchedulerEnqueueEvent,
  type SchedulerEntry,
} from '../wire/scheduler-entry.js';
import { decodeServerInfo, decodeWorkerInfo, type ServerInfo } from '../wire/server-info.js';
import type { TaskState } from '../wire/task-state.js';
import {
  type Backdoor,
  type CounterDump,
  dumpTask,
  type Injection,
  type PresenceDump,
  type QueueDump,
  type Scores,
  sortSets,
  type TaskDump,
  type TaskFields,
} from './queue-dump.js';

/** How long an injected lock is held. */
const LOCK_TTL_S = 3600;
const SCAN_COUNT = 1000;

/** Names of the fields in Redis, and how their text is written and read. */
const FIELDS = {
  msg: { name: 'msg', read: (value: Buffer) => value },
  state: { name: 'state', read: (value: Buffer) => value.toString() as TaskState },
  pendingSinceNs: { name: 'pending_since', read: (value: Buffer) => BigInt(value.toString()) },
  uniqueKey: { name: 'unique_key', read: (value: Buffer) => value.toString() },
  group: { name: 'group', read: (value: Buffer) => value.toString() },
  result: { name: 'result', read: (value: Buffer) => value },
  progress: { name: 'progress', read: (value: Buffer) => value.toString() },
  cancelThen: { name: 'cancel_then', read: (value: Buffer) => value.toString() as CancelWish },
  dueAtMs: { name: 'due_at_ms', read: (value: Buffer) => Number(value) },
  crashes: { name: 'crashes', read: (value: Buffer) => Number(value) },
  unknownSinceMs: { name: 'unknown_since_ms', read: (value: Buffer) => Number(value) },
  rawMsg: { name: 'raw_msg', read: (value: Buffer) => value },
} satisfies { [Field in keyof TaskFields]-?: { name: string; read(value: Buffer): NonNullable<TaskFields[Field]> } };

/** Reads and writes the keys of one queue on a client of the test's own. */
export class RedisBackdoor implements Backdoor {
  constructor(
    private readonly client: Redis | Cluster,
    private readonly queueName: string,
  ) {}

  async dump(): Promise<QueueDump> {
    const [isAnnounced, found] = await Promise.all([
      this.client.sismember(keys.queues, this.queueName),
      this.keysOfQueue(),
    ]);
    const picture = new Picture(this.queueName, isAnnounced === 1);
    const reads = found.flatMap((key) => picture.readerOf(key) ?? []);
    const replies = await this.pipeline((pipeline) => {
      for (const read of reads) read.ask(pipeline);
    });
    reads.forEach((read, at) => read.take(replies[at]));
    return picture.dump();
  }

  async presence({ host, pid, serverId }: ServerInfo): Promise<PresenceDump | undefined> {
    const server = await this.client.getBuffer(keys.server(host, pid, serverId));
    if (!server) return undefined;
    const workers = await this.client.hgetallBuffer(keys.serverWorkers(host, pid, serverId));
    return {
      server: decodeServerInfo(server),
      workers: Object.fromEntries(Object.entries(workers).map(([id, bytes]) => [id, decodeWorkerInfo(bytes)])),
    };
  }

  async plan(schedulerId: string): Promise<SchedulerEntry[]> {
    const plan = keys.scheduler(schedulerId);
    const [isListed, entries] = await Promise.all([
      this.client.zscore(keys.schedulers, plan),
      this.client.lrangeBuffer(plan, 0, -1),
    ]);
    if ((isListed === null) !== (entries.length === 0)) throw new Error('only one of the two keys of a plan is there');
    return entries.reverse().map(decodeSchedulerEntry);
  }

  async history(entryId: string): Promise<SchedulerEnqueueEvent[]> {
    const events = await this.client.zrangeBuffer(keys.schedulerHistory(entryId), '0', '-1');
    return events.map(decodeSchedulerEnqueueEvent);
  }

  async inject(injection: Injection): Promise<void> {
    const queue = this.queueName;
    await this.pipeline((pipeline) => {
      for (const [id, fields] of Object.entries(injection.tasks ?? {})) setTask(pipeline, keys.task(queue, id), fields);
      for (const id of injection.nextUp ?? []) pipeline.lpush(keys.pending(queue), id);
      for (const id of [...(injection.active ?? [])].reverse()) pipeline.lpush(keys.active(queue), id);
      for (const [id, score] of Object.entries(injection.leases ?? {})) {
        if (score === undefined) pipeline.zrem(keys.lease(queue), id);
        else pipeline.zadd(keys.lease(queue), score, id);
      }
      for (const state of ['scheduled', 'retry', 'archived', 'completed'] as const) {
        for (const [id, score] of Object.entries(injection[state] ?? {})) pipeline.zadd(keys[state](queue), score, id);
      }
      for (const name of injection.unnamedGroups ?? []) pipeline.srem(keys.groups(queue), name);
      for (const [lock, id] of Object.entries(injection.locks ?? {})) pipeline.set(lock, id, 'EX', LOCK_TTL_S);
    });
  }

  async destroy(): Promise<void> {
    const found = await this.keysOfQueue();
    await this.pipeline((pipeline) => found.forEach((key) => pipeline.del(key)));
    await this.client.srem(keys.queues, this.queueName);
    await this.client.srem(keys.scheduleQueues, this.queueName);
  }

  private async keysOfQueue(): Promise<string[]> {
    const nodes = 'nodes' in this.client ? this.client.nodes('master') : [this.client];
    const found = await Promise.all(nodes.map((node) => scan(node, `${keys.task(this.queueName, '').slice(0, -2)}*`)));
    return found.flat();
  }

  private async pipeline(fill: (pipeline: ChainableCommander) => void): Promise<unknown[]> {
    const pipeline = this.client.pipeline();
    fill(pipeline);
    const replies = (await pipeline.exec()) ?? [];
    return replies.map(([error, reply]) => {
      if (error) throw error;
      return reply;
    });
  }
}

async function scan(node: Redis, pattern: string): Promise<string[]> {
  const found = new Set<string>();
  let cursor = '0';
  do {
    const [next, page] = await node.scan(cursor, 'MATCH', pattern, 'COUNT', SCAN_COUNT);
    for (const key of page) found.add(key);
    cursor = next;
  } while (cursor !== '0');
  return [...found];
}

function setTask(pipeline: ChainableCommander, key: string, fields: TaskFields | undefined): void {
  if (!fields) {
    pipeline.del(key);
    return;
  }
  for (const [field, value] of Object.entries(fields)) {
    const { name } = FIELDS[field as keyof TaskFields];
    if (value === undefined) pipeline.hdel(key, name);
    else pipeline.hset(key, name, value instanceof Uint8Array ? Buffer.from(value) : String(value));
  }
}

/** One key's command, and what to do with its reply. */
interface Read {
  ask(pipeline: ChainableCommander): unknown;
  take(reply: unknown): void;
}

/** A dump in the making: knows by its name what each key of the queue is. */
class Picture {
  private readonly lists = { nextUp: [] as string[], active: [] as string[], groupNames: [] as string[] };
  private readonly sets: Record<'leases' | 'scheduled' | 'retry' | 'archived' | 'completed', Scores> = {
    leases: {},
    scheduled: {},
    retry: {},
    archived: {},
    completed: {},
  };
  /** Groups, and aggregation sets as `<group>:<uuid>`. */
  private readonly groups: Record<string, Scores> = {};
  /** Deadlines of aggregation sets by their keys. */
  private setDeadlines: Scores = {};
  private readonly tasks: Record<string, TaskDump> = {};
  private readonly locks: Record<string, string> = {};
  private readonly counters = { processed: newCounter(), failed: newCounter() };
  private readonly strayKeys: string[] = [];
  private pausedAtS: number | undefined;

  constructor(
    private readonly queue: string,
    private readonly isAnnounced: boolean,
  ) {}

  dump(): QueueDump {
    return {
      ...this.lists,
      ...this.sets,
      ...this.splitGroups(),
      tasks: this.tasks,
      locks: this.locks,
      ...this.counters,
      ...(this.pausedAtS !== undefined && { pausedAtS: this.pausedAtS }),
      isAnnounced: this.isAnnounced,
      strayKeys: this.strayKeys.sort(),
    };
  }

  private splitGroups(): Pick<QueueDump, 'groups' | 'aggregationSets'> {
    const groups = { ...this.groups };
    const prefix = keys.group(this.queue, '');
    const sets = Object.entries(this.setDeadlines).map(([key, deadlineS]) => {
      const name = key.slice(prefix.length);
      const members = groups[name] ?? {};
      delete groups[name];
      return { group: name.slice(0, name.lastIndexOf(':')), deadlineS, members };
    });
    return { groups, aggregationSets: sortSets(sets) };
  }

  /** `undefined` for keys that are none of the dump's business. */
  readerOf(key: string): Read | undefined {
    const { queue } = this;
    switch (key) {
      case keys.pending(queue):
        return list(key, (ids) => (this.lists.nextUp = ids.reverse()));
      case keys.active(queue):
        return list(key, (ids) => (this.lists.active = ids));
      case keys.lease(queue):
        return sortedSet(key, (scores) => (this.sets.leases = scores));
      case keys.scheduled(queue):
      case keys.retry(queue):
      case keys.archived(queue):
      case keys.completed(queue):
        return sortedSet(key, (scores) => (this.sets[lastPart(key) as 'scheduled'] = scores));
      case keys.groups(queue):
        return set(key, (names) => (this.lists.groupNames = names.sort()));
      case keys.aggregationSets(queue):
        return sortedSet(key, (scores) => (this.setDeadlines = scores));
      case keys.paused(queue):
        return text(key, (value) => (this.pausedAtS = Number(value)));
      case keys.leader(queue):
      case keys.standby(queue):
      case keys.wake(queue):
      case keys.schedules(queue):
      case keys.awaited(queue):
      case keys.fullSizes(queue):
      case keys.expectedGroups(queue):
        return undefined;
      default:
        return this.readerOfPrefix(key);
    }
  }

  private readerOfPrefix(key: string): Read | undefined {
    const { queue } = this;
    const id = after(key, keys.taskPrefix(queue));
    if (id !== undefined) return hash(key, (fields) => (this.tasks[id] = dumpTask(fields)), this.strayKeys);
    if (after(key, keys.schedule(queue, '')) !== undefined) return undefined;
    const group = after(key, keys.group(queue, ''));
    if (group !== undefined) return sortedSet(key, (scores) => (this.groups[group] = scores));
    if (after(key, keys.uniquePrefix(queue)) !== undefined) return text(key, (value) => (this.locks[key] = value));
    for (const name of ['processed', 'failed'] as const) {
      if (key === keys[name](queue)) return text(key, (value) => (this.counters[name].total = Number(value)));
      const day = after(key, `${keys[name](queue)}:`);
      if (day !== undefined) return text(key, (value) => (this.counters[name].days[day] = Number(value)));
    }
    this.strayKeys.push(key);
    return undefined;
  }
}

const newCounter = (): { total: number; days: Record<string, number> } & CounterDump => ({ total: 0, days: {} });

const lastPart = (key: string): string => key.slice(key.lastIndexOf(':') + 1);

const after = (key: string, prefix: string): string | undefined =>
  key.startsWith(prefix) ? key.slice(prefix.length) : undefined;

const text = (key: string, take: (value: string) => void): Read => ({
  ask: (pipeline) => pipeline.get(key),
  take: (reply) => take(reply as string),
});

const list = (key: string, take: (ids: string[]) => void): Read => ({
  ask: (pipeline) => pipeline.lrange(key, 0, -1),
  take: (reply) => take(reply as string[]),
});

const set = (key: string, take: (members: string[]) => void): Read => ({
  ask: (pipeline) => pipeline.smembers(key),
  take: (reply) => take(reply as string[]),
});

const sortedSet = (key: string, take: (scores: Scores) => void): Read => ({
  ask: (pipeline) => pipeline.zrange(key, '0', '-1', 'WITHSCORES'),
  take: (reply) => {
    const flat = (reply as unknown[]).flat() as (string | number)[]; // the newer wire nests the pairs
    const entries = flat.flatMap((id, at) => (at % 2 === 0 ? [[id, Number(flat[at + 1])]] : []));
    take(Object.fromEntries(entries) as Scores);
  },
});

const hash = (key: string, take: (fields: TaskFields) => void, strayFields: string[]): Read => ({
  ask: (pipeline) => pipeline.hgetallBuffer(key),
  take: (reply) => {
    const left = new Map(Object.entries(reply as Record<string, Buffer>));
    const fields: Record<string, unknown> = {};
    for (const [field, { name, read }] of Object.entries(FIELDS)) {
      const value = left.get(name);
      if (value) fields[field] = read(value);
      left.delete(name);
    }
    for (const name of left.keys()) strayFields.push(`${key} ${name}`);
    take(fields);
  },
});
