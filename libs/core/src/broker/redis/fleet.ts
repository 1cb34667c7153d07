import { MessageDecodeError } from '../../errors/message-decode.error.js';
import { keySlot } from '../../wire/key-slot.js';
import { keys } from '../../wire/keys.js';
import { decodeSchedulerEnqueueEvent, decodeSchedulerEntry } from '../../wire/scheduler-entry.js';
import { decodeServerInfo, decodeWorkerInfo } from '../../wire/server-info.js';
import { floorS } from '../../wire/unix-time.js';
import type { ClusterNode, FleetOps } from '../inspect-roles.js';
import type { RedisLink } from './redis-link.js';

/** One range of slots in a reply of `CLUSTER SLOTS`. */
type SlotRange = [first: number, last: number, ...nodes: [host: string, port: number, id: string, ...unknown[]][]];

export function fleetOps(redis: RedisLink): FleetOps {
  return {
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

    clusterSlot: async (queue) => keySlot(keys.pending(queue)),

    async clusterNodes(queue): Promise<ClusterNode[]> {
      const slot = keySlot(keys.pending(queue));
      const ranges = await redis.command('CLUSTER SLOTS', async (client) =>
        client.isCluster ? ((await client.cluster('SLOTS')) as SlotRange[]) : [],
      );
      const [, , ...nodes] = ranges.find(([first, last]) => first <= slot && slot <= last) ?? [0, 0];
      return nodes.map(([host, port, id]) => ({ id, address: `${host}:${port}` }));
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
