import type { Socket } from 'node:net';
import { Cluster, type ClusterNode, type ClusterOptions, Redis, type RedisOptions } from 'ioredis';
import { InvalidOptionsError } from '../../errors/invalid-options.error.js';
import { isConnectionRefusal } from './redis-failure.js';
import { parseRedisUrl, type RedisUrl } from './redis-url.js';

/** A connection as ioredis makes it, to one server or to a cluster. */
export type RedisClient = Redis | Cluster;

/** Options that hold for every way to reach Redis. */
interface RedisConnectionOptions {
  /**
   * Use only scripts that declare every key, for proxies and servers that refuse others (cloud proxy clusters,
   * Dragonfly, Redis Enterprise). Default `false`; enabled automatically when the server refuses undeclared keys.
   */
  readonly declaredKeysOnly?: boolean | undefined;
  /**
   * How many replicas must have a task before `enqueue` resolves, 0 to 10; this adds a round trip between the servers
   * to each call. Without their confirmation within a second it is repeated, and finally rejected. Default 0.
   */
  readonly waitForReplicas?: number | undefined;
}

/**
 * A server, a cluster, or a master known to sentinels, by one URL: see {@link parseRedisUrl} for its forms. The URL
 * overrides `options`, which for a cluster are those of each node.
 */
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

/** A client of the user's own, with further options. */
export interface ClientConnection extends RedisConnectionOptions {
  readonly client: RedisClient;
}

/**
 * How to connect to Redis. From a client that is passed in only the options are used (address, TLS, credentials): the
 * broker always opens its own connections, because it needs its own rules for retries and blocking.
 */
export type RedisConnection = UrlConnection | ClusterConnection | SentinelConnection | ClientConnection | RedisClient;

/** The purpose of a connection; shown by `CLIENT LIST` as `asynq:<purpose>:<pid>`. */
type ConnectionPurpose = 'commands' | 'watch' | 'subscriber' | 'sentinel';

const CONNECT_TIMEOUT_MS = 5_000;
/** How long a sentinel may take to answer; ioredis would wait forever. */
const SENTINEL_TIMEOUT_MS = 2_000;
/** How long a closing socket may keep the process alive when its peer does not answer. */
const DISCONNECT_TIMEOUT_MS = 200;

/** 50 ms doubling to 2 s, with jitter, without end: Redis may be unavailable for long. */
const reconnectDelayMs = (attempts: number): number =>
  Math.min(50 * 2 ** Math.min(attempts - 1, 10), 2_000) * (0.75 + Math.random() / 2);

/** A command that blocks takes as long as there are no tasks; we limit it ourselves. */
const UNLIMITED = { commandTimeout: undefined, socketTimeout: undefined };

/**
 * Rules for every connection of ours. ioredis must not queue commands while Redis is unavailable, nor send them twice:
 * a command that outlives its call would take effect after the caller has given up.
 */
const ourRules = (purpose: ConnectionPurpose) =>
  ({
    connectionName: `asynq:${purpose}:${process.pid}`,
    connectTimeout: CONNECT_TIMEOUT_MS,
    sentinelCommandTimeout: SENTINEL_TIMEOUT_MS,
    disconnectTimeout: DISCONNECT_TIMEOUT_MS,
    maxRetriesPerRequest: 0,
    enableAutoPipelining: false,
    autoResubscribe: false, // ioredis leaves a failure of its own re-subscription unhandled
    enableReadyCheck: false, // needs INFO; a server that is still loading refuses each call
    protocol: 2, // RESP2 works on every server and proxy, and its replies have one form
    disableClientInfo: true, // no right of ours includes CLIENT SETINFO, and servers note each refusal in their ACL log
    ...(purpose === 'watch' && UNLIMITED),
  }) as const satisfies RedisOptions;

/** Of a connection to a sentinel, by the options of one to its master. */
export const sentinelRules = ({ sentinelUsername, sentinelPassword, sentinelTLS, family }: RedisOptions) =>
  ({
    ...ourRules('sentinel'),
    retryStrategy: reconnectDelayMs,
    ...(sentinelUsername !== undefined && { username: sentinelUsername }),
    ...(sentinelPassword !== undefined && sentinelPassword !== null && { password: sentinelPassword }),
    ...(sentinelTLS !== undefined && { tls: sentinelTLS }),
    ...(family !== undefined && { family }),
  }) as const satisfies RedisOptions;

/** Opens a connection by the rules above. It connects at its first use. */
export function openClient(connection: RedisConnection, purpose: ConnectionPurpose): RedisClient {
  return guarded(createClient(connection, purpose));
}

/** Opens a separate connection to one node of a cluster, by the same rules. */
export function openNodeClient(node: Redis, purpose: ConnectionPurpose): Redis {
  return guarded(node.duplicate(singleRules(purpose)));
}

function guarded<Client extends RedisClient>(client: Client): Client {
  // Without a listener ioredis prints errors, which the failed calls report anyway.
  client.on('error', (error: Error & { readonly command?: { readonly name: string } }) => {
    problems.set(client, isSilentHello(client, error) ? new Error(SILENT_HELLO, { cause: error }) : error);
    const isSelect = error.command?.name === 'select';
    if (isSelect || isConnectionRefusal(error)) refusals.set(client, error);
    if (isSelect) client.disconnect(true); // ioredis would continue in database 0, and use the data of others
  });
  client.on('connecting', () => refusals.delete(client));
  client.on('ready', () => problems.delete(client));
  if (client.isCluster) {
    client.on('+node', ignoreLateErrorsOfNode);
  } else {
    ignoreLateErrors(client as Redis);
    noteSilentClose(client as Redis);
  }
  return client;
}

/**
 * ioredis listens for the first error of a socket only. One that uses TLS may have another while it closes, such as the alert of a
 * server whose handshake was broken off, and nobody who listens would end the process.
 */
function ignoreLateErrors(client: Redis): void {
  const { connector } = client as unknown as { readonly connector: SocketSource };
  const connect = connector.connect.bind(connector);
  connector.connect = async (...args) => {
    const socket = await connect(...args);
    return socket.on('error', () => undefined);
  };
  const connectToSentinel = connector.connectToSentinel?.bind(connector);
  if (!connectToSentinel) return;
  connector.connectToSentinel = (...args) => {
    const sentinel = connectToSentinel(...args);
    ignoreLateErrors(sentinel);
    return sentinel;
  };
}

/** A cluster asks a copy of a node for its slots, and gives up after `slotsRefreshTimeout`, even during a handshake. */
function ignoreLateErrorsOfNode(node: Redis): void {
  ignoreLateErrors(node);
  const duplicate = node.duplicate.bind(node);
  node.duplicate = (...args) => {
    const copy = duplicate(...args);
    ignoreLateErrors(copy);
    return copy;
  };
}

/** What opens the sockets of a client, as of ioredis 5 and 6. */
interface SocketSource {
  connect(...args: readonly unknown[]): Promise<Socket>;
  connectToSentinel?(...args: readonly unknown[]): Redis;
}

/** A server that expects TLS closes a connection without it, and says nothing. */
function noteSilentClose(client: Redis): void {
  let isConnected = false;
  client.on('connect', () => (isConnected = true));
  client.on('close', () => {
    if (isConnected && client.stream.bytesRead === 0 && !problems.has(client)) {
      problems.set(client, new Error(SILENT_CLOSE));
    }
    isConnected = false;
  });
}

/** A server without TLS takes the hello for the beginning of a command, and waits for the rest. */
const isSilentHello = (client: RedisClient, error: Error & { readonly code?: string }): boolean =>
  !client.isCluster && (client as Redis).options.tls !== undefined && error.code === 'ETIMEDOUT';

const SILENT_HELLO = `connect ETIMEDOUT: no TLS handshake within ${CONNECT_TIMEOUT_MS} ms; does it expect plain Redis (redis://)?`;
const SILENT_CLOSE = 'Socket closed by the server before it answered; does it expect TLS (rediss://)?';

const refusals = new WeakMap<RedisClient, Error>();
const problems = new WeakMap<RedisClient, Error>();

/**
 * Why the server refuses the connection: its database does not exist, or this user may not use it; wrong user or password, wrong
 * certificate. Until the next attempt to connect.
 */
export function refusalOf(client: RedisClient): Error | undefined {
  return refusals.get(client);
}

/** Why the connection was not ready when it last was not; `undefined` while it is, or if nothing is known. */
export function problemOf(client: RedisClient): Error | undefined {
  return problems.get(client);
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
  const given = spelledOut(connection as Exclude<RedisConnection, ClientConnection | RedisClient>);
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
  return new Redis({ ...withoutMapping(given.server), ...single });
}

/** One server, as ioredis takes it. */
interface ServerConnection {
  readonly server: RedisOptions;
}

/** The connection described by a URL, or the given one. */
function spelledOut(
  connection: UrlConnection | ClusterConnection | SentinelConnection,
): ServerConnection | ClusterConnection | SentinelConnection {
  if (!('url' in connection)) return connection;
  const url = parseRedisUrl(connection.url, 'connection.url');
  const { place } = url;
  const options = { ...connection.options, ...optionsOf(url, connection.options?.tls) };
  if ('cluster' in place) return { cluster: place.cluster, options: { ...namesForTls(url), redisOptions: options } };
  if ('server' in place) return { server: { ...options, ...place.server } };
  if ('socket' in place) return { server: { ...options, path: place.socket } };
  const toSentinels = {
    ...(url.sentinelUsername !== undefined && { sentinelUsername: url.sentinelUsername }),
    ...(url.sentinelPassword !== undefined && { sentinelPassword: url.sentinelPassword }),
    ...(url.tls && { sentinelTLS: options.sentinelTLS ?? options.tls, enableTLSForSentinelMode: true }),
  };
  return { ...place, name: url.masterName ?? options.name ?? '', options: { ...options, ...toSentinels } };
}

function optionsOf(url: RedisUrl, tls: RedisOptions['tls']): RedisOptions {
  const { username, password, db, family } = url;
  return {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(db !== undefined && { db }),
    ...(family !== undefined && { family }),
    ...(url.tls && { tls: tls ?? {} }),
  };
}

/**
 * A certificate contains the host name of a node, so the name must not be replaced by its address before connecting.
 */
const namesForTls = ({ tls }: RedisUrl): ClusterOptions =>
  tls ? { dnsLookup: (address, callback) => callback(null, address) } : {};

/**
 * Whether to check with INFO that the server named by the sentinels is still the master. A user without the right to
 * INFO can turn the check off; ioredis continues without an answer, but prints a warning.
 */
const roleCheck = (given: { readonly sentinels?: unknown; readonly enableReadyCheck?: boolean | undefined }) => ({
  enableReadyCheck: Boolean(given.sentinels) && given.enableReadyCheck !== false,
});

/** We read replies in their RESP2 form. */
function withoutMapping<Options extends RedisOptions>(options: Options | undefined): Omit<Options, 'replyMapping'> {
  const { replyMapping: _, ...rest } = options ?? ({} as Options);
  return rest;
}

function clusterOptions(options: ClusterOptions = {}, purpose: ConnectionPurpose) {
  return {
    slotsRefreshTimeout: 2_000,
    ...options,
    lazyConnect: true,
    enableReadyCheck: false, // asks any node, even an unresponsive one
    enableOfflineQueue: true, // otherwise commands fail while their node connects for the first time
    clusterRetryStrategy: reconnectDelayMs,
    retryDelayOnFailover: 0, // would resend a command whose reply was lost
    scaleReads: 'master',
    redisOptions: { ...withoutMapping(options.redisOptions), ...ourRules(purpose) },
  } as const satisfies ClusterOptions;
}

/** Recognized by its members, not by its class: the user's ioredis may be another copy than ours. */
export function isRedisClient(connection: object): connection is RedisClient {
  return 'isCluster' in connection && 'options' in connection && hasMethod(connection, 'duplicate');
}

const hasMethod = (object: object, name: string): boolean => typeof Reflect.get(object, name) === 'function';

/** The client of the user, if there is one. */
export function givenClient(connection: RedisConnection): RedisClient | undefined {
  if (isRedisClient(connection)) return connection;
  return 'client' in connection ? connection.client : undefined;
}

/**
 * Refuses unusable options before anything connects.
 * @throws {InvalidOptionsError} a key prefix is set: names inside scripts and unique keys would not carry it
 */
export function checkRedisConnection(connection: RedisConnection): void {
  const { options = {} } = (givenClient(connection) ?? connection) as { options?: RedisOptions & ClusterOptions };
  const prefix = options.keyPrefix ?? options.redisOptions?.keyPrefix;
  if (!prefix) return;
  const allowed = 'no prefix: asynq has none, so a Go worker would not find the keys';
  throw new InvalidOptionsError([{ option: 'connection.options.keyPrefix', value: prefix, allowed }]);
}

/** Whether the connection is to a Redis Cluster. */
export function isClusterConnection(connection: RedisConnection): boolean {
  const client = givenClient(connection);
  if (client) return client.isCluster;
  return 'cluster' in spelledOut(connection as Exclude<RedisConnection, ClientConnection | RedisClient>);
}
