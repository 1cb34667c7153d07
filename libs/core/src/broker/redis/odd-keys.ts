import { KeyTypeError } from '../../errors/key-type.error.js';
import type { RedisClient } from './redis-connection.js';
import { textOf } from './redis-failure.js';

/** A key, and its expected Redis type. */
export type TypedKey = readonly [key: string, type: string];

/** As `include/need-type.lua` writes it. */
const NAMED = /WRONGTYPE (.+) holds a (\w+), not a (\w+)/s;

/** Maximum number of keys whose type is checked when a script does not name the key of another type. */
const MOST_ASKED = 100;

export const isWrongType = (error: unknown): boolean => textOf(error).includes('WRONGTYPE');

/**
 * The error that names the key of another type (Redis does not name it); `undefined` when none is found.
 * @param keys of the script; default: the key of the plain command that failed
 */
export async function findOddKey(
  client: RedisClient,
  command: string,
  error: unknown,
  keys: readonly TypedKey[] = commandKey(error),
): Promise<KeyTypeError | undefined> {
  const [, key, found, needed] = NAMED.exec(textOf(error)) ?? [];
  if (key !== undefined) return new KeyTypeError(command, key, found!, needed!);
  const asked = keys.slice(0, MOST_ASKED);
  const types = await Promise.all(asked.map(async ([name]) => client.type(name).catch(() => 'none')));
  const at = asked.findIndex(([, type], i) => types[i] !== 'none' && types[i] !== type);
  return at < 0 ? undefined : new KeyTypeError(command, asked[at]![0], types[at]!, asked[at]![1]);
}

/** Of an error of ioredis. */
function commandKey(error: unknown): TypedKey[] {
  const { name, args } = (error as { command?: { name: string; args?: readonly (string | Buffer)[] } }).command ?? {};
  return name && args?.[0] !== undefined ? [[String(args[0]), typeFor(name)]] : [];
}

/** The type that a plain command of ours works on. */
function typeFor(command: string): string {
  if (/^z/i.test(command)) return 'zset';
  if (/^h/i.test(command)) return 'hash';
  if (/^s(?:add|card|ismember|members|randmember|rem|scan)$/i.test(command)) return 'set';
  return /^(?:bl|l|r)/i.test(command) ? 'list' : 'string';
}
