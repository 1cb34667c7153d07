import { UsageError } from '../usage.error.js';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** What a Redis URI says; parts that it leaves out are `undefined`. */
export interface RedisUri {
  readonly at: { readonly server: Address } | { readonly socket: string } | { readonly sentinels: readonly Address[] };
  readonly username?: string | undefined;
  /** For `redis-sentinel:` the sentinels' own, as in asynq. */
  readonly password?: string | undefined;
  readonly db?: number | undefined;
  readonly tls?: boolean | undefined;
  readonly masterName?: string | undefined;
}

const REDIS_PORT = 6379;
const SENTINEL_PORT = 26_379;

/** Scheme, credentials, hosts, path, query. Several hosts in one URI are beyond `URL`. */
const PARTS =
  /^(?<scheme>[a-z-]+):\/\/(?:(?<credentials>[^@/]*)@)?(?<hosts>[^/?]*)(?<path>\/[^?]*)?(?:\?(?<query>.*))?$/i;

/**
 * Reads `host[:port]` and asynq's four forms of URI. Kinder than asynq in three points: a missing port is the usual
 * one, a user name counts, and a path of `/` alone means no database.
 * @throws {UsageError} it is none of them
 */
export function parseRedisUri(uri: string): RedisUri {
  if (!uri.includes('://')) return { at: { server: parseAddress(uri, REDIS_PORT, refuseAddress) } };
  const parts = PARTS.exec(uri)?.groups;
  if (!parts) throw new UsageError('the Redis URI cannot be read');
  const { scheme = '', hosts = '', path = '', query = '' } = parts;
  const login = parseCredentials(parts['credentials']);
  const parameters = new URLSearchParams(query);
  switch (scheme.toLowerCase()) {
    case 'redis':
    case 'rediss':
      return {
        at: { server: parseAddress(hosts, REDIS_PORT, refuseUri) },
        ...login,
        db: parseDb(path.split('/')[1]),
        tls: scheme.toLowerCase() === 'rediss',
      };
    case 'redis-socket':
      if (path === '') throw new UsageError('the Redis URI names no socket path');
      return { at: { socket: decode(path) }, ...login, db: parseDb(parameters.get('db') ?? '') };
    case 'redis-sentinel':
      return {
        at: { sentinels: parseAddresses(hosts, SENTINEL_PORT, refuseUri) },
        ...login,
        db: parseDb(path.split('/')[1]),
        masterName: parameters.get('master') ?? undefined,
      };
    default:
      throw new UsageError(
        `the scheme of a Redis URI is redis, rediss, redis-socket or redis-sentinel, not "${scheme}"`,
      );
  }
}

/** Reads `host[:port],host[:port],…`. */
export function parseAddresses(list: string, defaultPort = REDIS_PORT, refuse = refuseAddress): Address[] {
  return list.split(',').map((address) => parseAddress(address.trim(), defaultPort, refuse));
}

export function parseSentinels(list: string): Address[] {
  return parseAddresses(list, SENTINEL_PORT);
}

function parseAddress(address: string, defaultPort: number, refuse: (address: string) => never): Address {
  // A host in brackets is an IPv6 address.
  const parts = /^(?:\[(?<v6>[\da-f:.]+)\]|(?<host>[^:[\]\s@/?#]+))(?::(?<port>\d+))?$/i.exec(address)?.groups;
  const host = parts?.['v6'] ?? parts?.['host'];
  const port = Number(parts?.['port'] ?? defaultPort);
  if (host === undefined || port < 1 || port > 65_535) return refuse(address);
  return { host, port };
}

// What cannot be read may be a part of a password, so most of it is not repeated.

function refuseAddress(address: string): never {
  if (address.includes('@')) {
    throw new UsageError('a Redis address holds an @: as a URI it is redis://user:password@host:port');
  }
  throw new UsageError(`"${address}" is no Redis address: host:port`);
}

function refuseUri(): never {
  throw new UsageError(
    'the Redis URI names no host:port that can be read; in its password, @ is written as %40, / as %2F and : as %3A',
  );
}

function parseCredentials(given = ''): { username?: string | undefined; password?: string | undefined } {
  const colon = given.indexOf(':');
  if (colon === -1) return { username: decode(given) || undefined };
  return {
    username: decode(given.slice(0, colon)) || undefined,
    password: decode(given.slice(colon + 1)) || undefined,
  };
}

function parseDb(text = ''): number | undefined {
  if (text === '') return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new UsageError('the Redis URI asks for a database that is no whole number');
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new UsageError('the Redis URI holds a stray %');
  }
}
