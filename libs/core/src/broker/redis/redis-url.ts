import { isIPv6 } from 'node:net';
import { InvalidOptionsError } from '../../errors/invalid-options.error.js';

/** A server by its name or address, and its port. */
export interface RedisAddress {
  readonly host: string;
  readonly port: number;
}

/** The target of a URL. */
export type RedisPlace =
  | { readonly server: RedisAddress }
  | { readonly socket: string }
  | { readonly sentinels: readonly RedisAddress[] }
  | { readonly cluster: readonly RedisAddress[] };

interface Login {
  readonly username: string | undefined;
  readonly password: string | undefined;
}

interface Parts {
  readonly place: RedisPlace;
  /** Of the server that holds the data. */
  readonly login: Login;
  readonly sentinelLogin: Login;
  readonly db: number | undefined;
  readonly tls: boolean;
  readonly masterName: string | undefined;
  readonly family: number | undefined;
}

/** The parts of a Redis URL; missing ones are `undefined`. Passwords are not shown when it is logged. */
export class RedisUrl {
  readonly place: RedisPlace;
  readonly db: number | undefined;
  readonly tls: boolean;
  /** The master's name in the sentinels. */
  readonly masterName: string | undefined;
  /** The IP version, 4 or 6; 0: both. */
  readonly family: number | undefined;
  readonly #login: Login;
  readonly #sentinelLogin: Login;

  constructor({ place, login, sentinelLogin, db, tls, masterName, family }: Parts) {
    this.place = place;
    this.db = db;
    this.tls = tls;
    this.masterName = masterName;
    this.family = family;
    this.#login = login;
    this.#sentinelLogin = sentinelLogin;
  }

  get username(): string | undefined {
    return this.#login.username;
  }

  get password(): string | undefined {
    return this.#login.password;
  }

  get sentinelUsername(): string | undefined {
    return this.#sentinelLogin.username;
  }

  get sentinelPassword(): string | undefined {
    return this.#sentinelLogin.password;
  }

  /**
   * The address, for messages: `localhost:6379`, `/run/redis.sock`, `the cluster a:7000,b:7000`,
   * `the sentinels a:26379`.
   */
  get address(): string {
    const { place } = this;
    if ('socket' in place) return place.socket;
    if ('sentinels' in place) return `the sentinels ${place.sentinels.map(addressText).join(',')}`;
    return 'cluster' in place ? `the cluster ${place.cluster.map(addressText).join(',')}` : addressText(place.server);
  }
}

/** `host:port`, with an IPv6 address in brackets. */
const addressText = ({ host, port }: RedisAddress): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

export const URL_FORMS =
  'host[:port], redis://[user:password@]host[:port][/db], rediss://… with TLS, redis-socket://path, ' +
  'redis-sentinel://host[:port],…[/db]?master=name or redis-cluster://host[:port],…';

const REDIS_PORT = 6379;
const SENTINEL_PORT = 26_379;

const SCHEMES = {
  redis: { read: server, tls: false, parameters: ['db', 'family'] },
  rediss: { read: server, tls: true, parameters: ['db', 'family'] },
  'redis-socket': { read: socket, tls: false, parameters: ['db'] },
  'redis-sentinel': { read: sentinels, tls: false, parameters: ['master', 'username', 'password', 'db', 'family'] },
  'rediss-sentinel': { read: sentinels, tls: true, parameters: ['master', 'username', 'password', 'db', 'family'] },
  'redis-cluster': { read: cluster, tls: false, parameters: ['family'] },
  'rediss-cluster': { read: cluster, tls: true, parameters: ['family'] },
} as const satisfies Record<
  string,
  { read: (text: UrlText) => Omit<Parts, 'tls'>; tls: boolean; parameters: string[] }
>;

/** A URL cut into its parts, none of them decoded. */
interface UrlText {
  readonly scheme: string;
  readonly login: Login;
  readonly hosts: string;
  readonly path: string;
  readonly parameters: URLSearchParams;
}

/**
 * Parses the address of any kind of Redis:
 *
 * - `redis://[user:password@]host[:port][/db]`, or `host[:port]` alone; `rediss://` with TLS
 * - `redis-socket://[user:password@]/path[?db=n]`
 * - `redis-sentinel://[user:password@]host[:port],…[/db]?master=name`; user and password are the sentinels' own, as in
 *   asynq, and those of the master go into `&username=…&password=…`; `rediss-sentinel://` with TLS
 * - `redis-cluster://[user:password@]host[:port],…`, some nodes of a cluster; `rediss-cluster://` with TLS
 *
 * Special characters of user names and passwords are percent-encoded; a parameter `family=6` or `family=4` selects the
 * IP version.
 * @param option the name of the option in the error
 * @throws {InvalidOptionsError} it is none of these; the error shows only the scheme of the URL
 */
export function parseRedisUrl(url: string, option = 'url'): RedisUrl {
  try {
    return read(url);
  } catch (error) {
    if (!(error instanceof UrlProblem)) throw error;
    throw new InvalidOptionsError([{ option, value: schemeOf(url), allowed: error.message }]);
  }
}

/** What may be shown of an address that cannot be read: any part of it may be a password. */
export const schemeOf = (url: string): string => `${/^[a-z][a-z+-]{0,15}:\/\//i.exec(url)?.[0] ?? ''}…`;

class UrlProblem extends Error {}

function refuse(allowed: string): never {
  throw new UrlProblem(allowed);
}

/** The last `@` ends the credentials, as no host can hold one, and one in a path is encoded. */
const URL_PARTS =
  /^(?<scheme>[a-z-]+):\/\/(?:(?<credentials>[^/?#]*)@)?(?<hosts>[^@/?#]*)(?<path>\/[^@?#]*)?(?:\?(?<query>[^#]*))?$/i;

function read(url: string): RedisUrl {
  if (!url.includes('://')) {
    if (url.includes('@')) refuse('as a URL when it has a user or a password: redis://user:password@host:port');
    return new RedisUrl({ ...server({ ...NO_PARTS, hosts: url }), tls: false });
  }
  const parts = URL_PARTS.exec(url)?.groups;
  if (!parts) refuse(ENCODED);
  const name = parts['scheme']!.toLowerCase();
  if (!Object.hasOwn(SCHEMES, name)) refuse(URL_FORMS);
  const scheme = SCHEMES[name as keyof typeof SCHEMES];
  const parameters = new URLSearchParams(parts['query']);
  if ([...parameters.keys()].some((key) => !(scheme.parameters as readonly string[]).includes(key))) {
    refuse(`the parameters ${scheme.parameters.join(', ')} and no others after ${name}://…?`);
  }
  const text = { hosts: parts['hosts']!, path: parts['path'] ?? '', parameters };
  return new RedisUrl({
    ...scheme.read({ ...text, scheme: name, login: loginOf(parts['credentials']) }),
    tls: scheme.tls,
  });
}

const NO_LOGIN: Login = { username: undefined, password: undefined };
const NO_PARTS: UrlText = { scheme: '', login: NO_LOGIN, hosts: '', path: '', parameters: new URLSearchParams() };
const ENCODED =
  'a host and a port that can be read; in user and password @ is written as %40, / as %2F, : as %3A, ? as %3F and # as %23';

function server({ hosts, path, login, parameters, scheme }: UrlText): Omit<Parts, 'tls'> {
  if (hosts.includes(',')) refuse(`one host; for several use redis-cluster://… or redis-sentinel://…`);
  const place = { server: addressOf(hosts, REDIS_PORT) };
  const form = `${scheme}://host:port/db`;
  return { ...NOTHING, place, login, db: databaseOf(path, parameters, form), family: familyOf(parameters) };
}

function socket({ hosts, path, login, parameters }: UrlText): Omit<Parts, 'tls'> {
  if (hosts !== '') refuse('an absolute path after redis-socket://, such as redis-socket:///run/redis.sock');
  if (path === '' || path === '/') refuse('the path of a socket, such as redis-socket:///run/redis.sock');
  return {
    ...NOTHING,
    place: { socket: decode(path) },
    login,
    db: databaseOf('', parameters, 'redis-socket://path?db=n'),
  };
}

function sentinels({ hosts, path, login, parameters, scheme }: UrlText): Omit<Parts, 'tls'> {
  return {
    place: { sentinels: addressesOf(hosts, SENTINEL_PORT) },
    login: {
      username: parameters.get('username') || undefined,
      password: parameters.get('password') || undefined,
    },
    sentinelLogin: login,
    db: databaseOf(path, parameters, `${scheme}://host:port/db?master=name`),
    masterName: parameters.get('master') || undefined,
    family: familyOf(parameters),
  };
}

function cluster({ hosts, path, login, parameters }: UrlText): Omit<Parts, 'tls'> {
  if (!/^\/?0?$/.test(path)) refuse('hosts without a database: a Redis Cluster only has database 0');
  return { ...NOTHING, place: { cluster: addressesOf(hosts, REDIS_PORT) }, login, family: familyOf(parameters) };
}

const NOTHING = { sentinelLogin: NO_LOGIN, db: undefined, masterName: undefined, family: undefined } as const;

function addressesOf(list: string, defaultPort: number): RedisAddress[] {
  return list.split(',').map((address) => addressOf(address.trim(), defaultPort));
}

function addressOf(text: string, defaultPort: number): RedisAddress {
  const parts = /^(?:\[(?<v6>[^[\]]*)\]|(?<name>[^:[\]\s@/?#%\\,]+))(?::(?<port>\d{1,5}))?$/.exec(text)?.groups;
  const host = parts?.['v6'] ?? parts?.['name'];
  const port = Number(parts?.['port'] ?? defaultPort);
  if (host === undefined) refuse(ENCODED);
  if (parts!['v6'] !== undefined && !isIPv6(host)) refuse('an IPv6 address in brackets, such as [::1]:6379');
  if (port < 1 || port > 65_535) refuse('a port from 1 to 65535');
  return { host, port };
}

function loginOf(credentials = ''): Login {
  const colon = credentials.indexOf(':');
  if (colon === -1) return { username: decode(credentials) || undefined, password: undefined };
  return {
    username: decode(credentials.slice(0, colon)) || undefined,
    password: decode(credentials.slice(colon + 1)) || undefined,
  };
}

function databaseOf(path: string, parameters: URLSearchParams, form: string): number | undefined {
  const given = [path.slice(1), parameters.get('db') ?? ''].filter((text) => text !== '');
  const [text] = given;
  if (text === undefined) return undefined;
  if (given.length > 1 || !/^\d{1,9}$/.test(text)) refuse(`one database, a whole number: ${form}`);
  return Number(text);
}

function familyOf(parameters: URLSearchParams): number | undefined {
  const text = parameters.get('family');
  if (text === null) return undefined;
  return ['0', '4', '6'].includes(text) ? Number(text) : refuse('0, 4 or 6 as the parameter family');
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return refuse('%25 in place of a % that encodes nothing');
  }
}
