import type { Connection } from '@nestjs-asynq/core';
import { UsageError } from '../usage.error.js';
import { type Address, parseAddresses, parseRedisUri, parseSentinels, type RedisUri } from './redis-uri.js';
import type { Settings } from './settings.js';

const DEFAULT_URI = '127.0.0.1:6379';
/** It asks for INFO, and complains on the terminal of a user who may not have it. */
const NO_READY_CHECK = { enableReadyCheck: false } as const;
const DEFAULT_CLUSTER = [7000, 7001, 7002, 7003, 7004, 7005].map((port) => `127.0.0.1:${port}`).join(',');

/**
 * The connection that the settings ask for: a cluster, else sentinels, else one server.
 * @throws {UsageError} an address cannot be read, or the master's name is missing
 */
export function connectionOf(settings: Settings): Connection {
  if (settings.cluster) return clusterConnection(settings);
  if (settings.sentinel_addrs !== undefined) {
    return sentinelConnection(settings, { sentinels: parseSentinels(settings.sentinel_addrs) });
  }
  const uri = parseRedisUri(settings.uri ?? DEFAULT_URI);
  if ('sentinels' in uri.at) return sentinelConnection(withUri(settings, uri), uri.at);
  const options = { ...login(withUri(settings, uri)), db: settings.db ?? uri.db ?? 0 };
  // ioredis prefers the path to the address.
  if ('socket' in uri.at) return { url: 'redis://localhost', options: { ...options, path: uri.at.socket } };
  return { url: `redis://${bracketed(uri.at.server)}`, options };
}

/** The address of the settings, without credentials. */
export function addressOf({ cluster, cluster_addrs, sentinel_addrs, uri = DEFAULT_URI }: Settings): string {
  if (cluster) return `the cluster ${listed(parseAddresses(cluster_addrs ?? DEFAULT_CLUSTER))}`;
  const at = sentinel_addrs === undefined ? parseRedisUri(uri).at : { sentinels: parseSentinels(sentinel_addrs) };
  if ('sentinels' in at) return `the sentinels ${listed(at.sentinels)}`;
  return 'socket' in at ? at.socket : bracketed(at.server);
}

function listed(addresses: readonly Address[]): string {
  return addresses.map(bracketed).join(',');
}

function clusterConnection(settings: Settings): Connection {
  const cluster = parseAddresses(settings.cluster_addrs ?? DEFAULT_CLUSTER);
  return { cluster, options: { redisOptions: login(settings) } };
}

function sentinelConnection(settings: Settings, { sentinels }: { readonly sentinels: readonly Address[] }): Connection {
  const { master_name: name, sentinel_username, sentinel_password, db } = settings;
  if (name === undefined)
    throw new UsageError('which master? Give its name with --master_name, or in the URI: ?master=name');
  const toMaster = login(settings);
  const options = {
    ...toMaster,
    // As in asynq, TLS is for sentinels and master alike; ioredis has it off for both.
    ...('tls' in toMaster && { sentinelTLS: toMaster.tls, enableTLSForSentinelMode: true }),
    ...(db !== undefined && { db }),
    ...(sentinel_username !== undefined && { sentinelUsername: sentinel_username }),
    ...(sentinel_password !== undefined && { sentinelPassword: sentinel_password }),
  };
  return { sentinels, name, options };
}

/** A flag, a variable or the file outranks the URI. A sentinel URI's credentials are the sentinels'. */
function withUri(settings: Settings, uri: RedisUri): Settings {
  const shared = { ...settings, db: settings.db ?? uri.db, tls: settings.tls ?? uri.tls };
  if (!('sentinels' in uri.at)) {
    return { ...shared, username: settings.username ?? uri.username, password: settings.password ?? uri.password };
  }
  return {
    ...shared,
    master_name: settings.master_name ?? uri.masterName,
    sentinel_username: settings.sentinel_username ?? uri.username,
    sentinel_password: settings.sentinel_password ?? uri.password,
  };
}

function login({ username, password, tls, tls_server: servername, insecure }: Settings) {
  const usesTls = tls === true || servername !== undefined;
  return {
    ...NO_READY_CHECK,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(usesTls && { tls: { ...(servername !== undefined && { servername }), rejectUnauthorized: insecure !== true } }),
  };
}

function bracketed({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
