import type { Cluster, ClusterNode, ClusterOptions, Redis, RedisOptions } from 'ioredis';
import type { Broker } from './roles.js';

/** Options that hold for every way to reach Redis. */
interface RedisConnectionOptions {
  /**
   * Use only scripts that declare every key, for proxies and servers that refuse others (cloud proxy clusters,
   * Dragonfly, Redis Enterprise). Default `false`; chosen by itself when the server complains.
   */
  readonly declaredKeysOnly?: boolean | undefined;
}

/** One Redis server: `redis://`, `rediss://`, or a socket path with `redis+unix://`; more through `options`. */
export interface UrlConnection extends RedisConnectionOptions {
  readonly url: string;
  readonly options?: RedisOptions | undefined;
}

/** A Redis Cluster, by some of its nodes. */
export interface ClusterConnection extends RedisConnectionOptions {
  readonly cluster: readonly ClusterNode[];
  readonly options?: ClusterOptions | undefined;
}

/** A master found through sentinels. */
export interface SentinelConnection extends RedisConnectionOptions {
  readonly sentinels: readonly { readonly host: string; readonly port: number }[];
  readonly name: string;
  readonly options?: RedisOptions | undefined;
}

/** A client of the user's own. It stays open; connections that block are made with its `duplicate()`. */
export interface ClientConnection extends RedisConnectionOptions {
  readonly client: Redis | Cluster;
}

/**
 * Where queues live: Redis in any of its shapes, an ioredis client, `'memory'` for a broker inside this process, or a
 * broker that is open already (`openBroker`), to share one between a client and a server.
 */
export type Connection =
  'memory' | UrlConnection | ClusterConnection | SentinelConnection | ClientConnection | Redis | Cluster | Broker;
