import type { HealthOps } from '../roles.js';
import type { RedisLink } from './redis-link.js';
import { isCluster } from './reply-watch.js';
import type { RedisVersion } from './redis-version.js';

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
      const askedAtMs = Date.now();
      const [seconds, micros] = (await redis.command('TIME', (client) => client.time())).map(Number);
      const halfTripMs = (Date.now() - askedAtMs) / 2;
      return {
        version: await version.text(),
        evictionPolicy: /^maxmemory_policy:(\S+)/m.exec(memory)?.[1],
        clockSkewMs: seconds! * 1000 + micros! / 1000 - halfTripMs - askedAtMs,
      };
    },

    async storeInfo() {
      const text = await redis.command('INFO', (client) => (client.isCluster ? client.cluster('INFO') : client.info()));
      return Object.fromEntries([...text.matchAll(INFO_LINE)].map(([, name = '', value = '']) => [name, value]));
    },
  };
}

/** `name:value`; headings begin with `#`. */
const INFO_LINE = /^([^#:\r\n]+):([^\r\n]*)/gm;
