import type { StoreAddress } from '../contract/broker.js';
import { givenClient, isClusterConnection, type RedisConnection } from './redis-connection.js';
import { parseRedisUrl } from './redis-url.js';

interface ServerOptions {
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly path?: string | null | undefined;
  readonly sentinels?: unknown;
}

/** The one server that a connection leads to; `undefined` for a cluster, and behind sentinels, where it may change. */
export function storeAddress(connection: RedisConnection): StoreAddress | undefined {
  if (isClusterConnection(connection)) return undefined;
  const client = givenClient(connection);
  if (client) return addressIn(client.options as ServerOptions);
  if (!('url' in connection)) return undefined;
  const { place } = parseRedisUrl(connection.url);
  if ('server' in place) return place.server;
  return 'socket' in place ? { host: place.socket } : undefined;
}

function addressIn({ host, port, path, sentinels }: ServerOptions): StoreAddress | undefined {
  if (sentinels) return undefined;
  if (typeof path === 'string') return { host: path };
  return host === undefined ? undefined : { host, port };
}
