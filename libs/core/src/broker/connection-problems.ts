import { InvalidOptionsError, type OptionProblem } from '../errors/invalid-options.error.js';
import { isRecord } from '../runtime/is-record.js';
import { isText, TEXT_ALLOWED } from '../runtime/unicode-text.js';
import { isRedisClient, type RedisClient } from './redis/redis-connection.js';
import { parseRedisUrl, schemeOf, URL_FORMS } from './redis/redis-url.js';

const KINDS =
  "'memory', { memory }, { url }, { cluster }, { sentinels, name }, { client }, an ioredis client or a broker";

/** Maximum number of replicas that a call may wait for. */
const MOST_REPLICAS = 10;

/** The options of each kind of connection. The compiler refuses others, but a configuration file may contain them. */
const NAMES = {
  memory: ['memory'],
  cluster: ['cluster', 'options', 'declaredKeysOnly', 'waitForReplicas'],
  sentinels: ['sentinels', 'name', 'options', 'declaredKeysOnly', 'waitForReplicas'],
  client: ['client', 'declaredKeysOnly', 'waitForReplicas'],
  url: ['url', 'options', 'declaredKeysOnly', 'waitForReplicas'],
} as const satisfies Record<string, readonly string[]>;

/** The problems of a connection. Shows nothing that may be a password. */
export function connectionProblems(connection: unknown): OptionProblem[] {
  if (typeof connection === 'string') {
    return [problem('', connection, `${KINDS}; pass an address as { url: '…' }`)];
  }
  if (typeof connection !== 'object' || connection === null) return [problem('', connection, KINDS)];
  if (isRedisClient(connection)) return clientProblems('', connection);
  const given = connection as Record<string, unknown>;
  const kind = (Object.keys(NAMES) as (keyof typeof NAMES)[]).find((name) => name in given);
  if (!kind) {
    const hint = 'host' in given || 'port' in given ? `; pass host and port as { url: 'redis://host:port' }` : '';
    return [problem('', connection, KINDS + hint)];
  }
  return [...valueProblems(kind, given), ...commonProblems(given), ...nameProblems(kind, given)];
}

function valueProblems(kind: keyof typeof NAMES, given: Record<string, unknown>): OptionProblem[] {
  const value = given[kind];
  switch (kind) {
    case 'memory':
      return isText(value) ? [] : [problem('.memory', value, `the name of the queues, ${TEXT_ALLOWED}`)];
    case 'url':
      return urlProblems(value, given['options']);
    case 'cluster':
      return listProblems('cluster', value, isClusterNode, 'some nodes of the cluster, in an array');
    case 'sentinels': {
      const problems = listProblems('sentinels', value, isAddress, 'the addresses of sentinels, in an array');
      const { name } = given;
      return isText(name) ? problems : [...problems, problem('.name', name, "the master's name")];
    }
    case 'client':
      return typeof value === 'object' && value !== null && isRedisClient(value)
        ? clientProblems('.client', value)
        : [problem('.client', value, 'a Redis or Cluster of ioredis')];
  }
}

function urlProblems(url: unknown, options: unknown): OptionProblem[] {
  if (typeof url !== 'string') return [problem('.url', url, URL_FORMS)];
  try {
    const { place, masterName } = parseRedisUrl(url, 'connection.url');
    const name = masterName ?? (options as { name?: unknown } | undefined)?.name;
    if (!('sentinels' in place) || isText(name)) return [];
    return [problem('.url', url, "the master's name too: redis-sentinel://…?master=name")];
  } catch (error) {
    if (error instanceof InvalidOptionsError) return [...error.problems];
    throw error;
  }
}

function listProblems(
  name: string,
  list: unknown,
  isFine: (item: object) => boolean,
  allowed: string,
): OptionProblem[] {
  if (!Array.isArray(list) || list.length === 0) return [problem(`.${name}`, list, allowed)];
  return list.flatMap((item: unknown, i) =>
    isFine(Object(item) as object) ? [] : [problem(`.${name}[${i}]`, item, 'a host and a port: { host, port }')],
  );
}

/** ioredis reads the address of its client by rules of its own: `redis://host/prod` has no number as its database. */
function clientProblems(path: string, { options }: RedisClient): OptionProblem[] {
  const { db, redisOptions } = (options ?? {}) as { readonly db?: unknown; readonly redisOptions?: { db?: unknown } };
  return [
    ...databaseProblems(`${path}.options.db`, db),
    ...databaseProblems(`${path}.options.redisOptions.db`, redisOptions?.db),
  ];
}

const LARGEST_DATABASE = 999_999_999;

function databaseProblems(name: string, db: unknown): OptionProblem[] {
  // ioredis takes text, too.
  const isFine = db === undefined || db === null || (isWhole(db) && Number(db) >= 0 && Number(db) <= LARGEST_DATABASE);
  return isFine ? [] : [problem(name, db, 'the number of a database, 0 or more')];
}

const isWhole = (value: unknown): boolean =>
  typeof value === 'number' ? Number.isInteger(value) : typeof value === 'string' && /^\d+$/.test(value);

/** In one of the forms that ioredis accepts, such as a port alone. */
const isClusterNode = (node: object): boolean =>
  isNodeUrl(node.valueOf()) || isPort(node.valueOf()) || (isRecord(node) && isAddress(node));

function isNodeUrl(text: unknown): boolean {
  if (!isText(text)) return false;
  // ioredis takes any of its options as a parameter.
  const [address = '', parameters] = text.split('?', 2);
  try {
    const { place, db = 0 } = parseRedisUrl(address);
    return 'server' in place && db === 0 && Number(new URLSearchParams(parameters).get('db') ?? 0) === 0;
  } catch {
    return false;
  }
}

const isAddress = (address: object): boolean => {
  const { host, port } = address as { readonly host?: unknown; readonly port?: unknown };
  return (host === undefined ? port !== undefined : isText(host)) && (port === undefined || isPort(port));
};

const isPort = (port: unknown): boolean =>
  Number(port) >= 1 && Number(port) <= 65_535 && Number.isInteger(Number(port));

function commonProblems({
  options,
  declaredKeysOnly,
  waitForReplicas: count,
}: Record<string, unknown>): OptionProblem[] {
  const { redisOptions: nodes, db } = (options ?? {}) as { readonly redisOptions?: unknown; readonly db?: unknown };
  const isCount = Number.isInteger(count) && Number(count) >= 0 && Number(count) <= MOST_REPLICAS;
  return [
    ...(options === undefined || isRecord(options)
      ? []
      : [problem('.options', options, 'options of ioredis, in an object')]),
    ...(nodes === undefined || isRecord(nodes)
      ? []
      : [problem('.options.redisOptions', nodes, 'options of ioredis for each node, in an object')]),
    ...databaseProblems('.options.db', db),
    ...(isRecord(nodes) ? databaseProblems('.options.redisOptions.db', nodes['db']) : []),
    ...(declaredKeysOnly === undefined || typeof declaredKeysOnly === 'boolean'
      ? []
      : [problem('.declaredKeysOnly', declaredKeysOnly, 'true or false')]),
    ...(count === undefined || isCount
      ? []
      : [problem('.waitForReplicas', count, `a whole number from 0 to ${MOST_REPLICAS}`)]),
  ];
}

function nameProblems(kind: keyof typeof NAMES, given: Record<string, unknown>): OptionProblem[] {
  const known: readonly string[] = NAMES[kind];
  const elsewhere = kind === 'client' || kind === 'memory' ? '' : '; pass options of ioredis as connection.options';
  return Object.keys(given)
    .filter((name) => given[name] !== undefined && !known.includes(name))
    .map((name) => problem(`.${name}`, '…', `only ${known.join(', ')}${elsewhere}`));
}

function problem(path: string, value: unknown, allowed: string): OptionProblem {
  return { option: `connection${path}`, value: shapeOf(value), allowed };
}

/** Any value of an object may be a secret. */
function shapeOf(value: unknown): unknown {
  if (typeof value === 'string') return schemeOf(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(() => '…');
  return Object.fromEntries(Object.keys(value).map((name) => [name, '…']));
}
