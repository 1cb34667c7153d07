import type { Redis } from 'ioredis';
import { keySlot } from '../../wire/key-slot.js';
import { keys } from '../../wire/keys.js';
import type { ClusterNode, HealthOps, StoreNode } from '../contract/health.js';
import { monotonicMs, systemClock } from '../../runtime/clock.js';
import { measureTime } from './redis-clock.js';
import { resultWithin } from '../../runtime/within.js';
import type { RedisLink } from './redis-link.js';
import { isRefusal } from './redis-failure.js';
import { addressOf, askAny, connectionsOf, isCluster } from './nodes.js';
import { missingRights } from './rights.js';
import { checkVersion } from './server-version.js';

/** One range of slots in a reply of `CLUSTER SLOTS`. */
type SlotRange = [first: number, last: number, ...nodes: [host: string, port: number, id: string, ...unknown[]][]];

export function healthOps(redis: RedisLink): HealthOps {
  return {
    async ping() {
      await redis.command('PING', (client) => askAny(client, (node) => node.ping()));
    },

    async checkVersion() {
      await redis.connectNow();
      checkVersion((await ifAllowed(readInfo(redis))) ?? '');
    },

    async facts() {
      const info = await ifAllowed(readInfo(redis));
      return {
        version: /^redis_version:(\S+)/m.exec(info ?? '')?.[1],
        evictionPolicy: /^maxmemory_policy:(\S+)/m.exec(info ?? '')?.[1],
        clockSkewMs: await ifAllowed(clockSkewMs(redis)),
      };
    },

    missingRights: (queue) => missingRights(redis, queue),

    async storeInfo() {
      const text = await redis.command('INFO', (client) =>
        isCluster(client) ? askAny(client, (node) => node.cluster('INFO')) : client.info(),
      );
      return parseInfo(text);
    },

    async storeNodes(hasAll = false) {
      await redis.command('INFO', (client) => askAny(client, (node) => node.ping())); // a cluster knows its nodes then
      return redis.command('INFO', (client) =>
        Promise.all(connectionsOf(client).map((node) => readNode(node, hasAll))),
      );
    },

    clusterSlot: async (queue) => keySlot(keys.pending(queue)),

    async clusterNodes(queue): Promise<ClusterNode[]> {
      const slot = keySlot(keys.pending(queue));
      const ranges = await redis.command('CLUSTER SLOTS', async (client) =>
        isCluster(client) ? ((await askAny(client, (node) => node.cluster('SLOTS'))) as SlotRange[]) : [],
      );
      const [, , ...nodes] = ranges.find(([first, last]) => first <= slot && slot <= last) ?? [0, 0];
      return nodes.map(([host, port, id]) => ({ id, address: `${host}:${port}` }));
    },
  };
}

/** Time limit for each node: those that answer are shown. */
const NODE_TIMEOUT_MS = 1_000;

async function readNode(node: Redis, hasAll: boolean): Promise<StoreNode> {
  const address = addressOf(node);
  try {
    const text = await resultWithin(systemClock, NODE_TIMEOUT_MS, hasAll ? node.info('all') : node.info());
    if (text === undefined) throw new Error(`no answer within ${NODE_TIMEOUT_MS / 1000} s`);
    return { address, info: parseInfo(text), error: undefined };
  } catch (error) {
    return { address, info: {}, error };
  }
}

const parseInfo = (text: string): Record<string, string> =>
  Object.fromEntries([...text.matchAll(INFO_LINE)].map(([, name = '', value = '']) => [name, value]));

const readInfo = (redis: RedisLink): Promise<string> =>
  redis.command('INFO', (client) => askAny(client, (node) => node.info()));

/** Zero within the uncertainty of the measurement. */
async function clockSkewMs(redis: RedisLink): Promise<number> {
  const { offsetMs, uncertaintyMs } = await measureTime(redis);
  const skewMs = offsetMs - (systemClock.nowMs() - monotonicMs(systemClock));
  return Math.sign(skewMs) * Math.max(0, Math.abs(skewMs) - uncertaintyMs);
}

/** `undefined` when an optional command is forbidden. */
async function ifAllowed<T>(reply: Promise<T>): Promise<T | undefined> {
  try {
    return await reply;
  } catch (error) {
    if (isRefusal(error)) return undefined;
    throw error;
  }
}

/** `name:value`; headings begin with `#`. */
const INFO_LINE = /^([^#:\r\n]+):([^\r\n]*)/gm;
