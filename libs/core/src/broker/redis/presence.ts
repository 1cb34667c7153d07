import * as scripts from '../../scripts/scripts.generated.js';
import { MessageDecodeError } from '../../errors/message-decode.error.js';
import { keys } from '../../wire/keys.js';
import {
  decodeSchedulerEnqueueEvent,
  decodeSchedulerEntry,
  encodeSchedulerEnqueueEvent,
  encodeSchedulerEntry,
} from '../../wire/scheduler-entry.js';
import { decodeServerInfo, decodeWorkerInfo, encodeServerInfo, encodeWorkerInfo } from '../../wire/server-info.js';
import { floorS, fromNs } from '../../wire/unix-time.js';
import { HISTORY_SIZE, type PresenceOps } from '../contract/presence.js';
import type { RedisLink } from './redis-link.js';

/**
 * How long a history outlives its last event: a scheduler that is killed cannot delete those of its entries, and begins
 * new ones when it comes back. Longer than a month, for monthly schedules.
 */
const HISTORY_LIFE_S = 35 * 24 * 3600;

export function presenceOps(redis: RedisLink): PresenceOps {
  /** Servers whose last beat showed running tasks, or that never beat: their next one is written in full. */
  const idle = new Set<string>();

  return {
    async writePresence(server, workers, ttlS) {
      const { host, pid, serverId } = server;
      const serverKey = keys.server(host, pid, serverId);
      const workersKey = keys.serverWorkers(host, pid, serverId);
      const expiresAtS = floorS(redis.clock.nowMs()) + ttlS;
      const info = Buffer.from(encodeServerInfo(server));
      await redis.command('ZADD', (client) => client.zadd(keys.servers, expiresAtS, serverKey));
      if (workers.length === 0 && idle.has(serverKey)) {
        // An idle fleet beats for ever: two commands are enough, there is no workers key to keep alive.
        await redis.command('SETEX', (client) => client.setex(serverKey, ttlS, info));
        return;
      }
      await redis.command('ZADD', (client) => client.zadd(keys.workers, expiresAtS, workersKey));
      await redis.run(
        scripts.writePresence,
        { server: serverKey, workers: workersKey },
        { ttlS, info },
        workers.map((worker) => ({ taskId: worker.taskId, worker: encodeWorkerInfo(worker) })),
      );
      if (workers.length === 0) idle.add(serverKey);
      else idle.delete(serverKey);
    },

    async clearPresence({ host, pid, serverId }) {
      const serverKey = keys.server(host, pid, serverId);
      const workersKey = keys.serverWorkers(host, pid, serverId);
      idle.delete(serverKey);
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
      const workers = await Promise.all(
        workersKeys.map((key) => redis.command('HVALS', (client) => client.hvalsBuffer(key))),
      );
      const running = readable(workers.flat(), decodeWorkerInfo);
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
