import type { ChainableCommander, Cluster, Redis } from 'ioredis';
import { keys } from '../wire/keys.js';
import {
  decodeSchedulerEnqueueEvent,
  decodeSchedulerEntry,
  type SchedulerEnqueueEvent,
  type SchedulerEntry,
} from '../wire/scheduler-entry.js';
import { decodeServerInfo, decodeWorkerInfo, type ServerInfo } from '../wire/server-info.js';
import type { Backdoor, Injection, PresenceDump, QueueDump, TaskFields } from './queue-dump.js';
import { FIELDS, RedisPicture } from './redis-picture.js';

/** How long an injected lock is held. */
const LOCK_TTL_S = 3600;
const SCAN_COUNT = 1000;

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
    const picture = new RedisPicture(this.queueName, isAnnounced === 1);
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
