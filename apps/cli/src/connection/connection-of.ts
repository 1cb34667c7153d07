import { type Connection, InvalidOptionsError, parseRedisUrl, type RedisUrl } from '@nestjs-asynq/core';
import { UsageError } from '../usage.error.js';
import type { Settings } from './settings.js';

const DEFAULT_URI = '127.0.0.1:6379';
/** The ready check needs INFO, and prints a warning for a user without that right. */
const NO_READY_CHECK = { enableReadyCheck: false } as const;
const DEFAULT_CLUSTER = [7000, 7001, 7002, 7003, 7004, 7005].map((port) => `127.0.0.1:${port}`).join(',');

/**
 * The connection of the settings: a cluster, otherwise sentinels, otherwise the URI.
 * @throws {UsageError} an address cannot be read, or the master's name is missing
 */
export function connectionOf(settings: Settings): Connection {
  const uri = uriOf(settings);
  const { place } = uri;
  if ('cluster' in place) return { cluster: place.cluster, options: { redisOptions: login(settings, uri) } };
  if ('sentinels' in place) return sentinelConnection(settings, uri, place);
  const options = { ...login(settings, uri), db: dbOf(settings, uri) };
  // ioredis prefers the path to the address.
  if ('socket' in place) return { url: 'redis://localhost', options: { ...options, path: place.socket } };
  return { url: `redis://${uri.address}`, options };
}

/** The address of the settings, without credentials. */
export function addressOf(settings: Settings): string {
  return uriOf(settings).address;
}

/** Where the settings lead to. */
export function placeOf(settings: Settings): RedisUrl['place'] {
  return uriOf(settings).place;
}

/** What a single server has to be told first. */
export function loginOf(settings: Settings) {
  const uri = uriOf(settings);
  const { username, password } = login(settings, uri);
  return { username, password, db: dbOf(settings, uri), family: uri.family };
}

const dbOf = (settings: Settings, uri: RedisUrl): number => settings.db ?? uri.db ?? 0;

export function usesTls(settings: Settings): boolean {
  return (settings.tls ?? uriOf(settings).tls) || settings.tls_server !== undefined;
}

function uriOf({ cluster, cluster_addrs, sentinel_addrs, uri }: Settings): RedisUrl {
  if (cluster_addrs !== undefined) return read('--cluster_addrs', `redis-cluster://${cluster_addrs}`);
  if (sentinel_addrs !== undefined) return read('--sentinel_addrs', `redis-sentinel://${sentinel_addrs}`);
  if (cluster) return read('--uri', uri === undefined ? `redis-cluster://${DEFAULT_CLUSTER}` : asCluster(uri));
  return read('--uri', uri ?? DEFAULT_URI);
}

/** The same address as that of a node of a cluster. */
function asCluster(uri: string): string {
  return /^[a-z-]+:\/\//i.test(uri) ? uri.replace(/^redis(s?):/i, 'redis$1-cluster:') : `redis-cluster://${uri}`;
}

function read(flag: string, uri: string): RedisUrl {
  if (uri.startsWith('/')) throw new UsageError(`${flag} is a path: for a socket write redis-socket://${uri}`);
  try {
    return parseRedisUrl(uri, flag);
  } catch (error) {
    if (!(error instanceof InvalidOptionsError)) throw error;
    throw new UsageError(`${flag} cannot be read; allowed: ${error.problems[0]!.allowed}`);
  }
}

function sentinelConnection(
  settings: Settings,
  uri: RedisUrl,
  { sentinels }: Extract<RedisUrl['place'], { readonly sentinels: unknown }>,
): Connection {
  const name = settings.master_name ?? uri.masterName;
  if (name === undefined)
    throw new UsageError('which master? Give its name with --master_name, or in the URI: ?master=name');
  const toMaster = login(settings, uri);
  const db = settings.db ?? uri.db;
  const sentinelUsername = settings.sentinel_username ?? uri.sentinelUsername;
  const sentinelPassword = settings.sentinel_password ?? uri.sentinelPassword;
  const options = {
    ...toMaster,
    // As in asynq, TLS is for sentinels and master alike; ioredis has it off for both.
    ...('tls' in toMaster && { sentinelTLS: toMaster.tls, enableTLSForSentinelMode: true }),
    ...(db !== undefined && { db }),
    ...(sentinelUsername !== undefined && { sentinelUsername }),
    ...(sentinelPassword !== undefined && { sentinelPassword }),
  };
  return { sentinels, name, options };
}

/** Flags, variables and the file have precedence over the URI. */
function login(settings: Settings, uri: RedisUrl) {
  const { tls_server: servername, insecure } = settings;
  const { family } = uri;
  const username = settings.username ?? uri.username;
  const password = settings.password ?? uri.password;
  return {
    ...NO_READY_CHECK,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(family !== undefined && { family }),
    ...(usesTls(settings) && {
      tls: { ...(servername !== undefined && { servername }), rejectUnauthorized: insecure !== true },
    }),
  };
}
