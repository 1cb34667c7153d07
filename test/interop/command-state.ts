import type { Redis } from 'ioredis';

/** Text as itself, other bytes in hex. */
export type Bytes = string | { readonly hex: string };

/** The value of a key, under the name of its type. Members of sorted sets come with their scores. */
export type Value =
  | { readonly string: Bytes }
  | { readonly list: readonly Bytes[] }
  | { readonly set: readonly Bytes[] }
  | { readonly hash: Readonly<Record<string, Bytes>> }
  | { readonly zset: readonly (readonly [Bytes, number])[] };

/** All keys that a command sees. Days are `<today>` and `<today-1>`; no key has a time to live. */
export type CommandState = Readonly<Record<string, Value>>;

/** Writes a state into an empty database. */
export async function writeState(redis: Redis, state: CommandState): Promise<void> {
  for (const [name, value] of Object.entries(state)) await writeValue(redis, withDays(name), value);
}

/** The UTC day this many days before today. */
export function dayAgo(days: number): string {
  return new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10);
}

/** Reads every key of a database. */
export async function readState(redis: Redis): Promise<CommandState> {
  const state: Record<string, Value> = {};
  for (const key of await redis.keys('*')) state[key] = await readValue(redis, key);
  return state;
}

async function readValue(redis: Redis, key: string): Promise<Value> {
  const type = await redis.type(key);
  switch (type) {
    case 'string':
      return { string: toBytes((await redis.getBuffer(key))!) };
    case 'list':
      return { list: (await redis.lrangeBuffer(key, 0, -1)).map(toBytes) };
    case 'set':
      return { set: (await redis.smembers(key)).toSorted() };
    case 'hash': {
      const fields = Object.entries(await redis.hgetallBuffer(key)).toSorted(byName);
      return { hash: Object.fromEntries(fields.map(([name, bytes]) => [name, toBytes(bytes)])) };
    }
    case 'zset': {
      const members = await redis.zrangeBuffer(key, '0', '-1');
      const scores = await Promise.all(members.map((member) => redis.zscore(key, member)));
      return { zset: members.map((member, n) => [toBytes(member), Number(scores[n])]) };
    }
    default:
      throw new Error(`key ${key} is of type ${type}, which asynq does not use`);
  }
}

async function writeValue(redis: Redis, key: string, value: Value): Promise<void> {
  if ('string' in value) await redis.set(key, fromBytes(value.string));
  else if ('list' in value) await redis.rpush(key, ...value.list.map(fromBytes));
  else if ('set' in value) await redis.sadd(key, ...value.set.map(fromBytes));
  else if ('hash' in value) {
    await redis.hset(key, ...Object.entries(value.hash).flatMap(([name, bytes]) => [name, fromBytes(bytes)]));
  } else await redis.zadd(key, ...value.zset.flatMap(([member, score]) => [score, fromBytes(member)]));
}

export const toBytes = (bytes: Buffer): Bytes => {
  const shown = bytes.toString();
  return Buffer.from(shown).equals(bytes) && !shown.includes('\0') ? shown : { hex: bytes.toString('hex') };
};

export const fromBytes = (bytes: Bytes): Buffer =>
  typeof bytes === 'string' ? Buffer.from(bytes) : Buffer.from(bytes.hex, 'hex');

const withDays = (key: string): string =>
  key.replace(/<today(?:-(?<days>\d+))?>$/, (_match, days?: string) => dayAgo(Number(days ?? 0)));

/** Orders entries by their names. */
export const byName = ([one]: readonly [string, ...unknown[]], [other]: readonly [string, ...unknown[]]): number =>
  one < other ? -1 : 1;
