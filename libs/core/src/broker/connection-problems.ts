import type { OptionProblem } from '../errors/invalid-options.error.js';
import { isText, TEXT_ALLOWED } from '../runtime/unicode-text.js';
import { isRedisClient } from './redis/redis-connection.js';

const KINDS =
  "'memory', { memory }, { url }, { cluster }, { sentinels, name }, { client }, an ioredis client or a broker";
const URL_FORM = 'redis://[user:password@]host[:port][/db], or rediss:// for TLS';

/** What each kind of connection takes. Typed callers cannot add to it, but what comes from a configuration may. */
const NAMES = {
  memory: ['memory'],
  cluster: ['cluster', 'options', 'declaredKeysOnly'],
  sentinels: ['sentinels', 'name', 'options', 'declaredKeysOnly'],
  client: ['client', 'declaredKeysOnly'],
  url: ['url', 'options', 'declaredKeysOnly'],
} as const satisfies Record<string, readonly string[]>;

/** What is wrong with a connection. Shows nothing that may be a password. */
export function connectionProblems(connection: unknown): OptionProblem[] {
  if (typeof connection === 'string') {
    return [problem('', connection, `${KINDS}; an address stands in { url: '…' }`)];
  }
  if (typeof connection !== 'object' || connection === null) return [problem('', connection, KINDS)];
  if (isRedisClient(connection)) return [];
  const given = connection as Record<string, unknown>;
  const kind = (Object.keys(NAMES) as (keyof typeof NAMES)[]).find((name) => name in given);
  if (!kind) {
    const hint = 'host' in given || 'port' in given ? `; host and port stand in { url: 'redis://host:port' }` : '';
    return [problem('', connection, KINDS + hint)];
  }
  return [...valueProblems(kind, given), ...nameProblems(kind, given)];
}

function valueProblems(kind: keyof typeof NAMES, given: Record<string, unknown>): OptionProblem[] {
  const value = given[kind];
  switch (kind) {
    case 'memory':
      return isText(value) ? [] : [problem('.memory', value, `the name of the queues, ${TEXT_ALLOWED}`)];
    case 'url': {
      if (typeof value === 'string' && /^rediss?:\/\//.test(value) && URL.canParse(value)) return [];
      return [problem('.url', value, URL_FORM)];
    }
    case 'cluster':
      return Array.isArray(value) && value.length > 0
        ? []
        : [problem('.cluster', value, 'some nodes of the cluster, in an array')];
    case 'sentinels': {
      const problems = Array.isArray(value)
        ? []
        : [problem('.sentinels', value, 'the addresses of sentinels, in an array')];
      const { name } = given;
      return typeof name === 'string' ? problems : [...problems, problem('.name', name, "the master's name")];
    }
    case 'client':
      return typeof value === 'object' && value !== null && isRedisClient(value)
        ? []
        : [problem('.client', value, 'a Redis or Cluster of ioredis')];
  }
}

function nameProblems(kind: keyof typeof NAMES, given: Record<string, unknown>): OptionProblem[] {
  const known: readonly string[] = NAMES[kind];
  const elsewhere = kind === 'client' || kind === 'memory' ? '' : '; what ioredis takes stands in connection.options';
  return Object.keys(given)
    .filter((name) => given[name] !== undefined && !known.includes(name))
    .map((name) => problem(`.${name}`, '…', `only ${known.join(', ')}${elsewhere}`));
}

function problem(path: string, value: unknown, allowed: string): OptionProblem {
  return { option: `connection${path}`, value: shapeOf(value), allowed };
}

/** Any value of an object may be a secret. */
function shapeOf(value: unknown): unknown {
  if (typeof value === 'string') return withoutSecrets(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(() => '…');
  return Object.fromEntries(Object.keys(value).map((name) => [name, '…']));
}

function withoutSecrets(address: string): string {
  return address.replace(/^(\w+:\/\/)?.*@/s, '$1…@').replace(/\?.*$/s, '?…');
}
