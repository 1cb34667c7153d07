import * as scripts from '../../scripts/scripts.generated.js';
import { MessageDecodeError } from '../../errors/message-decode.error.js';
import { keys } from '../../wire/keys.js';
import {
  decodeSchedulerEnqueueEvent,
  decodeSchedulerEntry,
  encodeSchedulerEnqueueEvent,
  encodeSchedulerEntry,
} from '../../wire/scheduler-entry.js';
import {
  decodeServerInfo,
  decodeWorkerInfo,
  encodeServerInfo,
  encodeWorkerInfo,
  type WorkerInfo,
} from '../../wire/server-info.js';
import { floorS, fromNs } from '../../wire/unix-time.js';
import { HISTORY_SIZE, type PresenceOps } from '../contract/presence.js';
import type { RedisLink } from './redis-link.js';

/**
 * How long a history outlives its last event: a scheduler that is killed cannot delete those of its entries, and begins
 * new ones when it comes back. Longer than a month, for monthly schedules.
 */
const HISTORY_LIFE_S = 35 * 24 * 3600;

/** Fields that one `HSCAN` looks at. */
const HSCAN_COUNT = 50;

/** Most bytes of one script call, but for a single larger task. */
const BATCH_BYTES = 1024 * 1024;

/** What the workers key of a server holds, as far as this process has written it: task id to start, unix ms. */
type Shown = ReadonlyMap<string, number>;

export function presenceOps(redis: RedisLink): PresenceOps {
  /** By server. None: it never beat, or a beat failed; its next one is written in full. */
  const shown = new Map<string, Shown>();

  /** Writes what has changed since the last beat; `false` when the key has expired meanwhile. */
  async function writeWorkers(at: WorkersKeys, ttlS: number, changes: readonly Change[], isAnew: boolean) {
    const batches = toBatches(changes);
    for (const [i, items] of batches.entries()) {
      const reply = await redis.run(
        scripts.writePresence,
        { server: at.server, workers: at.workers },
        { ttlS, info: at.info, isAnew: Number(isAnew && i === 0) },
        items,
      );
      if (reply === 0) return false;
    }
    return true;
  }

  return {
    async writePresence(server, workers, ttlS) {
      const { host, pid, serverId } = server;
      const serverKey = keys.server(host, pid, serverId);
      const workersKey = keys.serverWorkers(host, pid, serverId);
      const expiresAtS = floorS(redis.clock.nowMs()) + ttlS;
      const at = { server: serverKey, workers: workersKey, info: Buffer.from(encodeServerInfo(server)) };
      await redis.command('ZADD', (client) => client.zadd(keys.servers, expiresAtS, serverKey));
      const before = shown.get(serverKey);
      if (workers.length === 0 && before?.size === 0) {
        // An idle fleet beats for ever: three commands are enough, there is no workers key to keep alive.
        await redis.command('SETEX', (client) => client.setex(serverKey, ttlS, at.info));
      } else {
        shown.delete(serverKey);
        await redis.command('ZADD', (client) => client.zadd(keys.workers, expiresAtS, workersKey));
        const isAnew = before === undefined || before.size === 0;
        if (isAnew || !(await writeWorkers(at, ttlS, changesSince(before, workers), false))) {
          await writeWorkers(at, ttlS, changesSince(NOTHING, workers), true);
        }
        shown.set(serverKey, new Map(workers.map(({ taskId, startedAtMs }) => [taskId, startedAtMs])));
      }
    },

    async clearPresence({ host, pid, serverId }) {
      const serverKey = keys.server(host, pid, serverId);
      const workersKey = keys.serverWorkers(host, pid, serverId);
      shown.delete(serverKey);
      await redis.command('ZREM', (client) => client.zrem(keys.servers, serverKey));
      await redis.command('ZREM', (client) => client.zrem(keys.workers, workersKey));
      await redis.command('DEL', (client) => client.del(serverKey, workersKey));
    },

    async writePlan(schedulerId, entries, ttlS) {
      const plan = keys.scheduler(schedulerId);
      const expiresAtS = floorS(redis.clock.nowMs()) + ttlS;
      await redis.command('ZADD', (client) => client.zadd(keys.schedulers, expiresAtS, plan));
      const items = entries.map((entry) => ({ entry: encodeSchedulerEntry(entry) }));
      await redis.run(scripts.writePlan, { plan }, { ttlS }, items);
    },

    async clearPlan(schedulerId) {
      const plan = keys.scheduler(schedulerId);
      await redis.command('ZREM', (client) => client.zrem(keys.schedulers, plan));
      await redis.command('DEL', (client) => client.del(plan));
    },

    async recordEnqueueEvent(entryId, event) {
      const history = keys.schedulerHistory(entryId);
      const enqueuedAtS = floorS(fromNs(event.enqueuedAtNs));
      await redis.pipeline('ZADD', (pipeline) => {
        pipeline
          .zremrangebyrank(history, 0, -HISTORY_SIZE) // leaves room for one more
          .zadd(history, enqueuedAtS, encodeSchedulerEnqueueEvent(event))
          .expire(history, HISTORY_LIFE_S);
      });
    },

    async clearHistory(entryId) {
      await redis.command('DEL', (client) => client.del(keys.schedulerHistory(entryId)));
    },

    async shownServers() {
      const [serverKeys, workersKeys] = [await aliveOf(redis, keys.servers), await aliveOf(redis, keys.workers)];
      const found = await Promise.all(serverKeys.map((key) => redis.command('GET', (client) => client.getBuffer(key))));
      const servers = readable(
        found.filter((bytes) => bytes !== null),
        decodeServerInfo,
      );
      const running: WorkerInfo[] = [];
      for (const key of workersKeys) running.push(...readable(await valuesOf(redis, key), decodeWorkerInfo));
      return servers.map((server) => ({
        server,
        workers: running.filter(({ serverId }) => serverId === server.serverId),
      }));
    },

    async schedulerEntries() {
      const alive = await aliveOf(redis, keys.schedulers);
      const lists = await Promise.all(
        alive.map((key) => redis.command('LRANGE', (client) => client.lrangeBuffer(key, 0, -1))),
      );
      return readable(lists.flat(), decodeSchedulerEntry);
    },

    async schedulerEvents(entryId, skip, limit) {
      const found = await redis.command('ZREVRANGE', (client) =>
        client.zrevrangeBuffer(keys.schedulerHistory(entryId), skip, skip + limit - 1),
      );
      return readable(found, decodeSchedulerEnqueueEvent);
    },
  };
}

/** Members whose time is not up; those that are up are removed, as every reader does. */
async function aliveOf(redis: RedisLink, index: string): Promise<string[]> {
  const nowS = floorS(redis.clock.nowMs());
  await redis.command('ZREMRANGEBYSCORE', (client) => client.zremrangebyscore(index, '-inf', nowS - 1));
  return redis.command('ZRANGEBYSCORE', (client) => client.zrangebyscore(index, nowS, '+inf'));
}

/** The values of a hash, in replies of some megabytes at most: each may hold a payload. */
async function valuesOf(redis: RedisLink, key: string): Promise<Buffer[]> {
  const values = new Map<string, Buffer>();
  let cursor = '0';
  do {
    const [next, found] = await redis.command('HSCAN', (client) =>
      client.hscanBuffer(key, cursor, 'COUNT', HSCAN_COUNT),
    );
    for (let at = 0; at < found.length; at += 2) values.set(found[at]!.toString('latin1'), found[at + 1]!);
    cursor = next.toString();
  } while (cursor !== '0');
  return [...values.values()];
}

/** What a foreign program wrote wrongly is left out: one bad record must not hide all others. */
function readable<T>(records: readonly Buffer[], decode: (bytes: Uint8Array) => T): T[] {
  return records.flatMap((bytes) => {
    try {
      return [decode(bytes)];
    } catch (error) {
      if (!(error instanceof MessageDecodeError)) throw error;
      return [];
    }
  });
}

const NOTHING: Shown = new Map();

interface WorkersKeys {
  readonly server: string;
  readonly workers: string;
  readonly info: Uint8Array;
}

/** A task to show, or with no bytes one to show no more. */
interface Change {
  readonly taskId: string;
  readonly worker: Uint8Array;
}

function changesSince(before: Shown, workers: readonly WorkerInfo[]): Change[] {
  const running = new Set(workers.map(({ taskId }) => taskId));
  return [
    ...[...before.keys()].filter((id) => !running.has(id)).map((taskId) => ({ taskId, worker: new Uint8Array() })),
    ...workers
      .filter(({ taskId, startedAtMs }) => before.get(taskId) !== startedAtMs)
      .map((worker) => ({ taskId: worker.taskId, worker: encodeWorkerInfo(worker) })),
  ];
}

/** At least one, so that the keys live on. */
function toBatches(changes: readonly Change[]): Change[][] {
  const batches: Change[][] = [[]];
  let bytes = 0;
  for (const change of changes) {
    bytes += change.worker.length;
    if (bytes > BATCH_BYTES && batches.at(-1)!.length > 0) {
      batches.push([]);
      bytes = change.worker.length;
    }
    batches.at(-1)!.push(change);
  }
  return batches;
}
