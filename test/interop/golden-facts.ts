import { fileURLToPath } from 'node:url';
import type { Redis } from 'ioredis';
import protobuf from 'protobufjs';

/**
 * The content of Redis as flat facts: a name such as `asynq:{default}:t:r-1 » hash.msg.retried` to its value. Whole
 * lists and sets are one fact each. Fields at their protobuf default are left out, as on the wire.
 */
export type Facts = Map<string, unknown>;

/** The name of a fact; of all facts of a key when `field` is empty. */
export const factName = (key: string, field = ''): string => `${key} » ${field}`;

export const keyOf = (name: string): string => name.slice(0, name.indexOf(' » '));

/** Read with the schema instead of our own codecs, which are under test. */
const records = new protobuf.Root().loadSync(
  fileURLToPath(new URL('../../libs/core/src/wire/asynq.proto', import.meta.url)),
  { keepCase: true },
);

type RecordName = 'TaskMessage' | 'ServerInfo' | 'WorkerInfo' | 'SchedulerEntry' | 'SchedulerEnqueueEvent';

/** Every key with its type, value and TTL. Servers, processes and days have placeholder names. */
export async function readFacts(redis: Redis): Promise<Facts> {
  const facts: Facts = new Map();
  for (const key of await redis.keys('*')) {
    const [type, ttlMs] = await Promise.all([redis.type(key), redis.pttl(key)]);
    const name = withoutIdentity(key);
    addFacts(facts, name, { ...((await readRecords(redis, key)) ?? { [type]: await readValue(redis, key, type) }) });
    if (ttlMs >= 0) facts.set(factName(name, 'ttl_s'), ttlMs / 1000);
  }
  return facts;
}

/** Adds a nested value as facts; arrays stay whole. */
export function addFacts(facts: Facts, key: string, value: object, path: readonly string[] = []): void {
  for (const [field, inner] of Object.entries(value) as [string, unknown][]) {
    const innerPath = [...path, field];
    const isNested = typeof inner === 'object' && inner !== null && !Array.isArray(inner);
    if (isNested) addFacts(facts, key, inner, innerPath);
    else facts.set(factName(key, innerPath.join('.')), inner);
  }
}

/** Bytes of a TaskMessage as Go writes them, for tasks that a test puts into Redis in place of Go. */
export function encodeMessage(fields: Readonly<Record<string, unknown>>): Buffer {
  const type = records.lookupType('asynq.TaskMessage');
  return Buffer.from(type.encode(type.fromObject(fields)).finish());
}

/** The published records of schedulers, in a list and in a sorted set, by position. */
async function readRecords(redis: Redis, key: string): Promise<object | undefined> {
  if (key.startsWith('asynq:schedulers:')) {
    const entries = await redis.lrangeBuffer(key, 0, -1);
    return { scheduler_entries: byPlace(entries.map((bytes) => decode('SchedulerEntry', bytes))) };
  }
  if (key.startsWith('asynq:scheduler_history:')) {
    const events = await redis.zrangeBuffer(key, '0', '-1');
    const scores = await Promise.all(events.map((bytes) => redis.zscore(key, bytes)));
    const decoded = events.map((bytes, n) => ({ score: Number(scores[n]), ...decode('SchedulerEnqueueEvent', bytes) }));
    return { scheduler_events: byPlace(decoded) };
  }
  return undefined;
}

const byPlace = (records: readonly object[]): object => Object.fromEntries(records.entries());

async function readValue(redis: Redis, key: string, type: string): Promise<unknown> {
  switch (type) {
    case 'string':
      return readString(key, await redis.getBuffer(key));
    case 'list':
      return (await redis.lrange(key, 0, -1)).map(withoutIdentity);
    case 'set':
      return (await redis.smembers(key)).toSorted();
    case 'zset':
      return readScores(redis, key);
    case 'hash':
      return readHash(key, await redis.hgetallBuffer(key));
    default:
      throw new Error(`key ${key} is of type ${type}, which asynq does not use`);
  }
}

function readString(key: string, value: Buffer | null): unknown {
  if (!value) throw new Error(`key ${key} expired while it was read`);
  return key.startsWith('asynq:servers:')
    ? { server_info: decode('ServerInfo', value) }
    : withoutIdentity(value.toString());
}

async function readScores(redis: Redis, key: string): Promise<Record<string, number>> {
  const members = await redis.zrange(key, '0', '-1');
  const scores = await Promise.all(members.map((member) => redis.zscore(key, member)));
  return Object.fromEntries(members.map((member, index) => [withoutIdentity(member), Number(scores[index])]));
}

function readHash(key: string, fields: Record<string, Buffer>): Record<string, unknown> {
  const record = key.startsWith('asynq:workers:') ? 'WorkerInfo' : undefined;
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => {
      const nested = name === 'msg' ? 'TaskMessage' : record;
      return [name, nested ? decode(nested, value) : value.toString()];
    }),
  );
}

/** The fields of a record: bytes as text, points in time as unix s, host, pid and server id as one. */
function decode(name: RecordName, bytes: Buffer): Record<string, unknown> {
  const type = records.lookupType(`asynq.${name}`);
  const decoded = type.toObject(type.decode(bytes), { longs: Number }) as Record<string, unknown>;
  const { host, pid, server_id: serverId, ...fields } = decoded;
  const shown = Object.entries(fields).map(([field, value]): [string, unknown] => [field, showField(value)]);
  const identity = host === undefined ? [] : [['identity', withoutIdentity([host, pid, serverId].join(':'))]];
  return Object.fromEntries([...identity, ...shown.filter(([, value]) => !DEFAULTS.has(value))]) as typeof decoded;
}

const DEFAULTS: ReadonlySet<unknown> = new Set([0, '', false]);

function showField(value: unknown): unknown {
  if (typeof value === 'string') return withoutIdentity(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString();
  if (typeof value === 'object' && value !== null && 'seconds' in value) return value.seconds;
  return value;
}

/** Text with placeholders for what differs from run to run: servers, days, generated ids. */
function withoutIdentity(text: string): string {
  return text
    .replace(/(?<=^|\{)[^{}:]+:\d+:[0-9a-f-]{36}(?=$|\})/, '<server>')
    .replace(/(?<=:(processed|failed):)\d{4}-\d\d-\d\d$/, '<today>')
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/, '<uuid>');
}
