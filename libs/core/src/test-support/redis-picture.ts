import type { ChainableCommander } from 'ioredis';
import { keys } from '../wire/keys.js';
import type { TaskState } from '../wire/task-state.js';
import {
  type CounterDump,
  dumpTask,
  type QueueDump,
  type Scores,
  sortSets,
  type TaskDump,
  type TaskFields,
} from './queue-dump.js';

/** Names of the fields in Redis, and how their text is written and read. */
export const FIELDS = {
  msg: { name: 'msg', read: (value: Buffer) => value },
  state: { name: 'state', read: (value: Buffer) => value.toString() as TaskState },
  pendingSinceNs: { name: 'pending_since', read: (value: Buffer) => BigInt(value.toString()) },
  uniqueKey: { name: 'unique_key', read: (value: Buffer) => value.toString() },
  group: { name: 'group', read: (value: Buffer) => value.toString() },
  result: { name: 'result', read: (value: Buffer) => value },
  progress: { name: 'progress', read: (value: Buffer) => value.toString() },
  cancelThen: { name: 'cancel_then', read: (value: Buffer) => value.toString() },
  runNextNs: { name: 'run_next_ns', read: (value: Buffer) => BigInt(value.toString()) },
  dueAtMs: { name: 'due_at_ms', read: (value: Buffer) => Number(value) },
  crashes: { name: 'crashes', read: (value: Buffer) => value.toString() },
  alone: { name: 'alone', read: (value: Buffer) => value.toString() },
  unknownSinceMs: { name: 'unknown_since_ms', read: (value: Buffer) => value.toString() },
  backoff: { name: 'backoff', read: (value: Buffer) => value.toString() },
  rawMsg: { name: 'raw_msg', read: (value: Buffer) => value },
} satisfies { [Field in keyof TaskFields]-?: { name: string; read(value: Buffer): NonNullable<TaskFields[Field]> } };

/** One key's command, and what to do with its reply. */
interface Read {
  ask(pipeline: ChainableCommander): unknown;
  take(reply: unknown): void;
}

/** Builds a dump: recognizes each key of the queue by its name. */
export class RedisPicture {
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

  /** `undefined` for keys that do not belong to the dump. */
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
      case keys.groupsByNewest(queue):
      case keys.groupsByOldest(queue):
      case keys.rescheduled(queue):
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
    if (after(key, keys.enqueued(queue, '')) !== undefined) return undefined;
    if (after(key, keys.fetched(queue, '')) !== undefined) return undefined;
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
    const flat = (reply as unknown[]).flat() as (string | number)[]; // RESP3 nests the pairs
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
