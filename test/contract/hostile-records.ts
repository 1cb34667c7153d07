import fc from 'fast-check';
import type { Cluster, Redis } from 'ioredis';
import {
  characterAt,
  encodeTaskMessage,
  indexOfCharacter,
  LAST_CHARACTER,
  type TaskMessage,
} from '../support/test-queue.js';
import { TASK_HASH_FIELDS } from './task-hash-fields.js';

/** Arbitrary records of a peer under the keys of a queue; `{q}` stands for the queue. */
export type Plant = KeyPlant | TaskPlant;

interface KeyPlant {
  readonly kind: 'key';
  readonly key: string;
  readonly type: KeyType;
  readonly entries: readonly { readonly name: Buffer; readonly value: Buffer; readonly score: string }[];
}

interface TaskPlant {
  readonly kind: 'task';
  readonly id: Buffer;
  /** The list or sorted set that names it. */
  readonly list: string;
  readonly score: string;
  /** Puts text in place of the hash, or no hash at all. */
  readonly hash: 'hash' | 'string' | 'none';
  readonly message: MessagePlant | undefined;
  readonly fields: readonly (readonly [name: string, value: Buffer])[];
}

interface MessagePlant {
  readonly message: TaskMessage;
  /** Whether it names its own task and queue: other messages are quarantined. */
  readonly namesItself: boolean;
  /** Cuts the bytes, or changes one; `at` is taken modulo their number. */
  readonly damage: { readonly at: number; readonly byte: number | undefined } | undefined;
}

type KeyType = 'string' | 'list' | 'set' | 'zset' | 'hash';
const TYPES: readonly KeyType[] = ['string', 'list', 'set', 'zset', 'hash'];

/** Keys that may have another type or any content without affecting the valid tasks of the queue. */
const KEYS: readonly (readonly [key: string, type: KeyType])[] = [
  ['asynq:queues', 'set'],
  ['asynq:servers', 'zset'],
  ['asynq:workers', 'zset'],
  ['asynq:schedulers', 'zset'],
  ['asynq:schedule_queues', 'set'],
  ['asynq:servers:{odd:1:odd}', 'string'],
  ['asynq:workers:{odd:1:odd}', 'hash'],
  ['asynq:schedulers:{odd}', 'list'],
  ['asynq:scheduler_history:odd', 'zset'],
  ['asynq:{q}:completed', 'zset'],
  ['asynq:{q}:processed', 'string'],
  ['asynq:{q}:failed', 'string'],
  ['asynq:{q}:wake', 'list'],
  ['asynq:{q}:schedules', 'set'],
  ['asynq:{q}:schedule:odd', 'hash'],
  ['asynq:{q}:awaited', 'zset'],
  ['asynq:{q}:full_sizes', 'zset'],
  ['asynq:{q}:expected_groups', 'zset'],
  ['asynq:{q}:groups_by_newest', 'zset'],
  ['asynq:{q}:groups_by_oldest', 'zset'],
  ['asynq:{q}:rescheduled', 'set'],
  ['asynq:{q}:g:odd', 'zset'],
  ['asynq:{q}:g:odd:odd', 'zset'],
  ['asynq:{q}:unique:odd', 'string'],
];

/** Keys that must keep their type for all valid tasks to run; their members may be anything. */
const NEEDED_KEYS: readonly (readonly [key: string, type: KeyType])[] = [
  ['asynq:{q}:pending', 'list'],
  ['asynq:{q}:active', 'list'],
  ['asynq:{q}:lease', 'zset'],
  ['asynq:{q}:scheduled', 'zset'],
  ['asynq:{q}:retry', 'zset'],
  ['asynq:{q}:archived', 'zset'],
  ['asynq:{q}:groups', 'set'],
  ['asynq:{q}:g:sound', 'zset'],
  ['asynq:{q}:aggregation_sets', 'zset'],
];

const FIELDS = [
  ...TASK_HASH_FIELDS,
  'spec',
  'type',
  'since_ms',
  'claimed_ms',
  'digest',
  'process_in_ms',
  'catch_up',
  '__proto__',
  '',
];

const LISTS = [
  'pending',
  'active',
  'active and lease',
  'lease',
  'scheduled',
  'retry',
  'archived',
  'completed',
  'g:odd',
  'g:sound',

  'none',
];

const SPECIAL_TEXTS = [
  '',
  'pending',
  'active',
  'scheduled',
  'completed',
  ' ',
  '{}',
  '}{',
  '__proto__',
  'constructor',
  'odd',
  'asynq:{}:t:odd',
  'asynq:{}:g:odd:odd',
  'asynq:{q}:g:odd:odd',
  'asynq:{q}:pending',
  'asynq:queues',
  'asynq:servers:{odd:1:odd}',
  'asynq:workers:{odd:1:odd}',
  'asynq:schedulers:{odd}',
  '\0deleted odd',
  'delete 0 0',
  'archive 0 0',
  '5 0 0',
  '5 0 0 archived',
  '{"share":1e999,"atMs":null} 0 0',
  'NaN',
  '-1',
  '1e400',
  '9'.repeat(400),
  '9223372036854775807',
];

const bytesOf = (text: string): Buffer => Buffer.from(text);

const character = fc.nat(LAST_CHARACTER).map(characterAt, indexOfCharacter);
const anyText = fc.oneof(fc.constantFrom(...SPECIAL_TEXTS), fc.string({ unit: character, maxLength: 30 }));
const anyBytes = (largest: number): fc.Arbitrary<Buffer> =>
  fc.oneof(
    { weight: 6, arbitrary: anyText.map(bytesOf) },
    { weight: 3, arbitrary: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: largest }).map((length) => Buffer.alloc(length, 0xc3)) },
  );

const anyScore = fc.oneof(
  fc.constantFrom('0', '1', '0.5', '-1', '-inf', '+inf', '1e18', '-1e300', '9007199254740993', '4102444800'),
  fc.integer({ min: 0, max: 2 ** 32 }).map(String),
);

const int32 = fc.oneof(fc.constantFrom(0, 1, -1, 25), fc.integer());
const int64 = fc.oneof(fc.constantFrom(0n, 1n, -1n), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }));

const anyMessage = (largest: number): fc.Arbitrary<MessagePlant> =>
  fc.record({
    message: fc.record({
      type: anyText,
      payload: anyBytes(largest),
      id: anyText,
      queue: anyText,
      maxRetry: int32,
      retried: int32,
      errorMsg: anyText,
      timeoutS: int64,
      deadlineS: int64,
      uniqueKey: anyText,
      lastFailedAtS: int64,
      retentionS: int64,
      completedAtS: int64,
      groupKey: anyText,
      headers: fc.dictionary(anyText, anyText, { maxKeys: 2 }),
    }),
    namesItself: fc.boolean(),
    damage: fc.option(fc.record({ at: fc.nat(), byte: fc.option(fc.nat(255), { nil: undefined }) }), {
      nil: undefined,
      freq: 2,
    }),
  });

const taskPlant = (largest: number): fc.Arbitrary<TaskPlant> =>
  fc.record({
    kind: fc.constant('task' as const),
    id: anyBytes(200),
    list: fc.oneof(fc.constantFrom(...LISTS), fc.constant('pending')),
    score: anyScore,
    hash: fc.constantFrom('hash', 'hash', 'hash', 'hash', 'string', 'none'),
    message: fc.option(anyMessage(largest), { freq: 8, nil: undefined }),
    fields: fc.array(fc.tuple(fc.constantFrom(...FIELDS), anyBytes(largest)), { maxLength: 4 }),
  });

function keyPlant(largest: number): fc.Arbitrary<KeyPlant> {
  const entries = fc.array(fc.record({ name: anyBytes(largest), value: anyBytes(largest), score: anyScore }), {
    minLength: 1,
    maxLength: 4,
  });
  const proper = fc.constantFrom(...KEYS, ...NEEDED_KEYS);
  const typed = fc.oneof(
    { weight: 2, arbitrary: proper },
    { weight: 1, arbitrary: fc.tuple(fc.constantFrom(...KEYS.map(([key]) => key)), fc.constantFrom(...TYPES)) },
  );
  return fc.tuple(typed, entries).map(([[key, type], own]) => ({ kind: 'key', key, type, entries: own }));
}

/** The records of a peer in one queue; `largest` bounds its values, in bytes. */
export const plants = (count: number, largest: number): fc.Arbitrary<Plant[]> =>
  fc.array(fc.oneof({ weight: 3, arbitrary: taskPlant(largest) }, { weight: 2, arbitrary: keyPlant(largest) }), {
    minLength: 1,
    maxLength: count,
    size: 'max',
  });

function bytesOfMessage({ message, namesItself, damage }: MessagePlant, queue: string, id: Buffer): Buffer {
  const uniqueKey = message.uniqueKey.replace('{q}', `{${queue}}`);
  const own = namesItself ? { id: id.toString(), queue } : {};
  const bytes = encodeTaskMessage({ ...message, uniqueKey, ...own });
  if (!damage || bytes.length === 0) return bytes;
  const at = damage.at % bytes.length;
  if (damage.byte === undefined) return bytes.subarray(0, at);
  bytes[at] = damage.byte;
  return bytes;
}

const inQueue = (text: Buffer, queue: string): Buffer =>
  text.includes('{q}') ? Buffer.from(text.toString().replace('{q}', `{${queue}}`)) : text;

/** Writes it past the library. */
export async function plant(redis: Redis | Cluster, queue: string, what: Plant): Promise<void> {
  return what.kind === 'key' ? plantKey(redis, queue, what) : plantTask(redis, queue, what);
}

async function plantKey(
  redis: Redis | Cluster,
  queue: string,
  { key: pattern, type, entries }: KeyPlant,
): Promise<void> {
  const key = pattern.replace('{q}', `{${queue}}`);
  const found = await redis.type(key);
  if (found !== 'none' && found !== type) await redis.del(key);
  for (const { name: raw, value, score } of entries) {
    const name = inQueue(raw, queue);
    if (type === 'string') await redis.set(key, name);
    if (type === 'list') await redis.rpush(key, name);
    if (type === 'set') await redis.sadd(key, name);
    if (type === 'zset') await redis.zadd(key, score, name);
    if (type === 'hash') await redis.hset(key, new Map([[name, value]]) as never);
  }
}

async function plantTask(
  redis: Redis | Cluster,
  queue: string,
  { id: raw, list, score, hash, message, fields }: TaskPlant,
): Promise<void> {
  const id = inQueue(raw, queue);
  const key = Buffer.concat([Buffer.from(`asynq:{${queue}}:t:`), id]);
  await redis.del(key);
  if (hash === 'string') await redis.set(key, 'odd');
  if (hash === 'hash' && message) await redis.hset(key, 'msg', bytesOfMessage(message, queue, id));
  if (hash === 'hash') for (const [name, value] of fields) await redis.hset(key, name, inQueue(value, queue));
  const own = (name: string): string => `asynq:{${queue}}:${name}`;
  if (list === 'none') return;
  if (list === 'pending' || list.startsWith('active')) await redis.rpush(own(list.split(' ')[0]!), id);
  if (list === 'active and lease') await redis.zadd(own('lease'), score, id);
  if (list !== 'pending' && !list.startsWith('active')) await redis.zadd(own(list), score, id);
  if (list === 'g:odd') await redis.sadd(own('groups'), 'odd');
}
