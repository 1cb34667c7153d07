import { keySlot } from '../../wire/key-slot.js';
import { keys } from '../../wire/keys.js';
import type { ClusterNode, HealthOps } from '../contract/health.js';
import { monotonicMs, systemClock } from '../../runtime/clock.js';
import { measureTime } from './redis-clock.js';
import type { RedisLink } from './redis-link.js';
import { isCluster } from './reply-watch.js';
import type { RedisVersion } from './redis-version.js';

/** One range of slots in a reply of `CLUSTER SLOTS`. */
type SlotRange = [first: number, last: number, ...nodes: [host: string, port: number, id: string, ...unknown[]][]];

export function healthOps(redis: RedisLink, version: RedisVersion): HealthOps {
  return {
    async ping() {
      await redis.command('PING', (client) =>
        // Any master of a cluster will do: one that is silent does not make the others unreachable.
        isCluster(client) ? Promise.any(client.nodes('master').map((node) => node.ping())) : client.ping(),
      );
    },

    async facts() {
      const memory = await redis.command('INFO', (client) => client.info('memory'));
      const { offsetMs, uncertaintyMs } = await measureTime(redis);
      const skewMs = offsetMs - (systemClock.nowMs() - monotonicMs(systemClock));
      return {
        version: await version.text(),
        evictionPolicy: /^maxmemory_policy:(\S+)/m.exec(memory)?.[1],
        clockSkewMs: Math.sign(skewMs) * Math.max(0, Math.abs(skewMs) - uncertaintyMs),
      };
    },

    async storeInfo() {
      const text = await redis.command('INFO', (client) => (client.isCluster ? client.cluster('INFO') : client.info()));
      return Object.fromEntries([...text.matchAll(INFO_LINE)].map(([, name = '', value = '']) => [name, value]));
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

/** `name:value`; headings begin with `#`. */
const INFO_LINE = /^([^#:\r\n]+):([^\r\n]*)/gm;
