import { Cluster, type ClusterNode, type ClusterOptions, Redis, type RedisOptions } from 'ioredis';
import { InvalidOptionsError } from '../../errors/invalid-options.error.js';

/** A connection as ioredis makes it, to one server or to a cluster. */
export type RedisClient = Redis | Cluster;

/** Options that hold for every way to reach Redis. */
interface RedisConnectionOptions {
  /**
   * Use only scripts that declare every key, for proxies and servers that refuse others (cloud proxy clusters,
   * Dragonfly, Redis Enterprise). Default `false`; chosen by itself when the server complains.
   */
  readonly declaredKeysOnly?: boolean | undefined;
}

/** One Redis server, by URL: `redis://[user:password@]host[:port][/db]`, or `rediss://…` with TLS. */
export interface UrlConnection extends RedisConnectionOptions {
  readonly url: string;
  readonly options?: RedisOptions | undefined;
}

/** A Redis Cluster, by some of its nodes. */
export interface ClusterConnection extends RedisConnectionOptions {
  readonly cluster: readonly ClusterNode[];
  readonly options?: ClusterOptions | undefined;
}

/** A master that sentinels know by `name`. */
export interface SentinelConnection extends RedisConnectionOptions {
  readonly sentinels: readonly { readonly host: string; readonly port: number }[];
  readonly name: string;
  readonly options?: RedisOptions | undefined;
}

/** A client of the user's own, with options beside it. */
export interface ClientConnection extends RedisConnectionOptions {
  readonly client: RedisClient;
}

/**
 * How to reach Redis. A client that is handed in lends its options (address, TLS, credentials) and stays untouched:
 * the broker always works on connections of its own, because it needs its own rules for retries and blocking.
 */
export type RedisConnection = UrlConnection | ClusterConnection | SentinelConnection | ClientConnection | RedisClient;

/** What a connection is for; shown by `CLIENT LIST` as `asynq:<purpose>:<pid>`. */
export type ConnectionPurpose = 'commands' | 'watch' | 'subscriber';

const CONNECT_TIMEOUT_MS = 5_000;
/** How long a closing socket may keep the process alive when its peer does not answer. */
const DISCONNECT_TIMEOUT_MS = 200;

/** 50 ms doubling to 2 s, with jitter, for ever: Redis may be away for long, and nothing is busy meanwhile. */
const reconnectDelayMs = (attempts: number): number =>
  Math.min(50 * 2 ** Math.min(attempts - 1, 10), 2_000) * (0.75 + Math.random() / 2);

/**
 * Rules for every connection of ours. Nothing is queued while Redis is away and nothing is sent twice behind our
 * back: a command that outlives the caller's patience would take effect when nobody expects it any more.
 */
const ourRules = (purpose: ConnectionPurpose) =>
  ({
    connectionName: `asynq:${purpose}:${process.pid}`,
    connectTimeout: CONNECT_TIMEOUT_MS,
    disconnectTimeout: DISCONNECT_TIMEOUT_MS,
    maxRetriesPerRequest: 0,
    enableAutoPipelining: false,
    autoResubscribe: false, // ioredis leaves a failure of its own re-subscription unhandled
    enableReadyCheck: false, // needs INFO; a server that still loads says so to each call
    protocol: 2, // the old wire works on every server and proxy, and its replies have one shape
  }) as const satisfies RedisOptions;

/** Opens a connection by the rules above. It connects at its first use. */
export function openClient(connection: RedisConnection, purpose: ConnectionPurpose): RedisClient {
  return guarded(createClient(connection, purpose));
}

/** Opens a connection of its own to one node of a cluster, by the same rules. */
export function openNodeClient(node: Redis, purpose: ConnectionPurpose): Redis {
  return guarded(node.duplicate(singleRules(purpose)));
}

function guarded<Client extends RedisClient>(client: Client): Client {
  // Without a listener ioredis prints errors; the calls that fail report them.
  client.on('error', (error: Error & { readonly command?: { readonly name: string } }) => {
    if (error.command?.name !== 'select') return;
    // ioredis would go on in database 0, among what is others'.
    refusals.set(client, error);
    client.disconnect(true);
  });
  client.on('connecting', () => refusals.delete(client));
  return client;
}

const refusals = new WeakMap<RedisClient, Error>();

/** Why the server does not let the connection into its database: there is none of that number, or not for this user. */
export function refusedDatabase(client: RedisClient): Error | undefined {
  return refusals.get(client);
}

const singleRules = (purpose: ConnectionPurpose) =>
  ({
    ...ourRules(purpose),
    lazyConnect: true,
    enableOfflineQueue: false,
    retryStrategy: reconnectDelayMs,
  }) as const satisfies RedisOptions;

function createClient(connection: RedisConnection, purpose: ConnectionPurpose): RedisClient {
  const single = singleRules(purpose);
  const client = givenClient(connection);
  if (client) {
    return client.isCluster
      ? (client as Cluster).duplicate([], clusterOptions((client as Cluster).options, purpose))
      : (client as Redis).duplicate({ ...single, ...roleCheck((client as Redis).options) });
  }
  const given = connection as Exclude<RedisConnection, ClientConnection | RedisClient>;
  if ('cluster' in given) return new Cluster([...given.cluster], clusterOptions(given.options, purpose));
  if ('sentinels' in given) {
    return new Redis({
      ...withoutMapping(given.options),
      ...single,
      ...roleCheck({ ...given.options, sentinels: given.sentinels }),
      sentinels: [...given.sentinels],
      name: given.name,
    });
  }
  return new Redis(given.url, { ...withoutMapping(given.options), ...single });
}

/**
 * Whether INFO is asked if the server that sentinels named is the master still. Who may not use INFO can turn the
 * question off; ioredis goes on without an answer, but says so on the terminal.
 */
const roleCheck = (given: { readonly sentinels?: unknown; readonly enableReadyCheck?: boolean | undefined }) => ({
  enableReadyCheck: Boolean(given.sentinels) && given.enableReadyCheck !== false,
});

/** Replies in the shapes of RESP3 would not be the ones we read. */
function withoutMapping<Options extends RedisOptions>(options: Options | undefined): Omit<Options, 'replyMapping'> {
  const { replyMapping: _, ...rest } = options ?? ({} as Options);
  return rest;
}

function clusterOptions(options: ClusterOptions = {}, purpose: ConnectionPurpose) {
  return {
    slotsRefreshTimeout: 2_000,
    ...options,
    lazyConnect: true,
    enableReadyCheck: false, // asks any node, also one that never answers
    enableOfflineQueue: true, // else commands fail while their node connects for the first time
    clusterRetryStrategy: reconnectDelayMs,
    retryDelayOnFailover: 0, // would send a command again whose reply was lost
    scaleReads: 'master',
    redisOptions: { ...withoutMapping(options.redisOptions), ...ourRules(purpose) },
  } as const satisfies ClusterOptions;
}

/** Told by shape, not by class: the user's ioredis may be another copy than ours. */
export function isRedisClient(connection: object): connection is RedisClient {
  return 'isCluster' in connection && 'duplicate' in connection;
}

function givenClient(connection: RedisConnection): RedisClient | undefined {
  if (isRedisClient(connection)) return connection;
  return 'client' in connection ? connection.client : undefined;
}

/**
 * Refuses what cannot work before anything connects.
 * @throws {InvalidOptionsError} a key prefix is set: names inside scripts and unique keys would not carry it
 */
export function checkRedisConnection(connection: RedisConnection): void {
  const { options = {} } = (givenClient(connection) ?? connection) as { options?: RedisOptions & ClusterOptions };
  const prefix = options.keyPrefix ?? options.redisOptions?.keyPrefix;
  if (!prefix) return;
  const allowed = 'no prefix: asynq has none, so a Go worker would not find the keys';
  throw new InvalidOptionsError([{ option: 'connection.options.keyPrefix', value: prefix, allowed }]);
}

/** Whether the connection leads to a Redis Cluster. */
export function isClusterConnection(connection: RedisConnection): boolean {
  return givenClient(connection)?.isCluster ?? 'cluster' in connection;
}
