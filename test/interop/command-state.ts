import { fileURLToPath } from 'node:url';
import type { Redis } from 'ioredis';
import protobuf from 'protobufjs';
import { expect, vi } from 'vitest';
import { GoPeer, type GoTask } from '../support/go-peer.js';
import type { RedisServer } from '../support/redis-server.js';

/** Text as itself, other bytes in hex. */
type Bytes = string | { readonly hex: string };

/** The value of a key, under the name of its type. Members of sorted sets come with their scores. */
type Value =
  | { readonly string: Bytes }
  | { readonly list: readonly Bytes[] }
  | { readonly set: readonly Bytes[] }
  | { readonly hash: Readonly<Record<string, Bytes>> }
  | { readonly zset: readonly (readonly [Bytes, number])[] };

/** All keys that a command sees. Days are `<today>` and `<today-1>`; no key has a time to live. */
export type CommandState = Readonly<Record<string, Value>>;

/** When everything in the past happened: Thu Mar  5 07:08:09 UTC 2026. */
const PAST_S = 1_772_694_489;
/** When everything that lies ahead is due, in whole seconds: 2100-01-01. A length from now to then fits Go's durations. */
const AHEAD_S = 4_102_444_800;
const RETRY_DELAY_MS = 50 * 365 * 86_400_000;
const PATIENCE = { timeout: 20_000, interval: 50 };

/** Read from the schema and not with our own codecs, which are what is being tested. */
const records = new protobuf.Root().loadSync(
  fileURLToPath(new URL('../../libs/core/src/wire/asynq.proto', import.meta.url)),
  { keepCase: true },
);

/**
 * What Go's library leaves in Redis after some work: tasks in every state, groups, a paused queue, servers at work, and
 * schedulers with a past. Names and times that differ from run to run are set to fixed ones. Empties the server.
 */
export async function stateByGo(server: RedisServer, redis: Redis): Promise<CommandState> {
  await redis.flushall();
  await actAsGo(server);
  const state = fixed(await readState(redis));
  await redis.flushall();
  return state;
}

/** Writes a state into an empty database. */
export async function writeState(redis: Redis, state: CommandState): Promise<void> {
  for (const [name, value] of Object.entries(state)) await writeValue(redis, withDays(name), value);
}

/** The UTC day that so many days lie before today. */
export function dayAgo(days: number): string {
  return new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10);
}

// What is done in Go

const LONG_TEXT = 'no route to host; '.repeat(60).trim();
const text = (value: string): Buffer => Buffer.from(value);

/** Handled at once, each in the way that the last part of its type says. */
const HANDLED: readonly GoTask[] = [
  { taskId: 'done-text', type: 'mail:echo', payload: text('"ok ✓ 日本"'), retentionMs: RETRY_DELAY_MS },
  { taskId: 'done-bytes', type: 'mail:echo', payload: Buffer.from([0xff, 0]), retentionMs: RETRY_DELAY_MS },
  { taskId: 'done-silent', type: 'mail:succeed', payload: text('{}'), retentionMs: RETRY_DELAY_MS },
  { taskId: 'gone', type: 'mail:succeed' },
  { taskId: 'retry-short', type: 'mail:fail-with', payload: text('smtp: 450 mailbox busy'), maxRetry: 3 },
  { taskId: 'retry-unicode', type: 'mail:fail-with', payload: text('Zeitüberschreitung: 日本 🎉') },
  { taskId: 'retry-long', type: 'mail:fail-with', payload: text(LONG_TEXT) },
  { taskId: 'archived', type: 'mail:fail-with', payload: text('unknown recipient'), maxRetry: 0 },
  { taskId: 'gave-up', type: 'mail:skip-retry', payload: text('[1,2,3]') },
  { taskId: 'active-1', type: 'mail:block', payload: text('{"n":1}'), headers: { tenant: 'a' } },
  { taskId: 'active-2', type: 'mail:block', payload: text('{"n":2}') },
].map((task) => ({ ...task, queue: 'mail' }));

/** Errors that no table can show as they are; one to a queue, since a line too many moves all columns. */
const ODD: readonly GoTask[] = [
  { queue: 'lines', payload: text('line 1\nline 2') },
  { queue: 'tab', payload: text('left\tright') },
  { queue: 'escape', payload: text('\u001B[31mred') },
  { queue: 'silent', payload: text('') },
].map((task) => ({ ...task, taskId: 'odd', type: 'odd:fail-with' }));

/** Wait in a queue that nobody serves; more than fit on a page. */
const PENDING: readonly GoTask[] = [
  { taskId: 'p-unicode', type: 'größe', payload: text('{"name":"Jürgen 日本 🎉"}') },
  { taskId: 'p-bytes', type: 'image', payload: Buffer.from([0x89, 0x50, 0x4e, 0x47, 0xff]) },
  { taskId: 'p-empty', type: 'ping' },
  { taskId: 'p-blank', type: 'ping', payload: text('   ') },
  { taskId: 'p-lines', type: 'ping', payload: text('two\nlines') },
  { taskId: 'p-space', type: 'ping', payload: text('no\u00A0break') },
  { taskId: 'p-long', type: 'ping', payload: text(JSON.stringify({ text: LONG_TEXT })) },
  ...Array.from({ length: 30 }, (_, n) => ({ taskId: `p-${n}`, type: 'count', payload: text(`{"n":${n}}`) })),
].map((task) => ({ ...task, queue: 'held' }));

const SCHEDULED: readonly GoTask[] = ['late-1', 'late-2', 'overdue', 'never-ran'].map((taskId, n) => ({
  ...{ taskId, type: 'reminder', queue: 'held', payload: text(`{"n":${n}}`) },
  processAtMs: (AHEAD_S + n * 3_600) * 1_000,
}));

const GROUPED: readonly GoTask[] = ['team-a', 'team-a', 'team-a', 'team b ö'].map((group, n) => ({
  ...{ taskId: `g-${n}`, type: 'digest', queue: 'digest', payload: text(`{"n":${n}}`), group },
}));

const PERIODIC: readonly (readonly [spec: string, task: GoTask])[] = [
  ['@every 1s', { type: 'often', queue: 'ticks', payload: Buffer.from([0xff]) }],
  [
    'CRON_TZ=Asia/Tokyo 0 6 1 1 *',
    {
      ...{ type: 'report', payload: text('{"kind":"日"}'), queue: 'a "queue"', taskId: 'new-year', group: 'team-a' },
      ...{ maxRetry: 3, timeoutMs: 90_000, deadlineAtMs: AHEAD_S * 1_000, uniqueMs: 3_600_000 },
      ...{ processAtMs: PAST_S * 1_000, processInMs: 1_800_000, retentionMs: 86_400_000 },
    },
  ],
];

async function actAsGo(server: RedisServer): Promise<void> {
  const worker = new GoPeer(server);
  const idler = new GoPeer(server);
  try {
    await enqueueAll(worker, [...HANDLED, ...ODD, ...PENDING, ...SCHEDULED, ...GROUPED]);
    await worker.pause('held');
    await worker.archive('held', 'never-ran');
    const odd = Object.fromEntries(ODD.map(({ queue }) => [queue!, 1]));
    const retryDelayMs = RETRY_DELAY_MS;
    await worker.serve({ queues: { mail: 6, ...odd }, concurrency: 10, taskCheckIntervalMs: 20, retryDelayMs });
    await idler.serve({ queues: { low: 1, critical: 5, bulk: 1 }, concurrency: 20, strictPriority: true });
    const [often] = await Promise.all(PERIODIC.map(([spec, task]) => idler.schedule(spec, task)));
    await vi.waitFor(async () => {
      const events = await idler.enqueueEvents(often!);
      const running = (await idler.servers()).map(({ activeTaskIds }) => activeTaskIds.length);
      expect(events.length).toBeGreaterThanOrEqual(2);
      expect(await idler.schedulerEntries()).toHaveLength(PERIODIC.length);
      expect(running.toSorted((one, other) => one - other)).toEqual([0, 2]);
      expect(await worker.queueInfo('mail')).toMatchObject({ active: 2, retry: 3, archived: 2, completed: 3 });
      for (const queue of Object.keys(odd)) expect(await worker.queueInfo(queue)).toMatchObject({ retry: 1 });
    }, PATIENCE);
  } finally {
    await Promise.all([worker.kill(), idler.kill()]);
  }
}

async function enqueueAll(go: GoPeer, tasks: readonly GoTask[]): Promise<void> {
  const refused = (await go.enqueue(tasks)).find((outcome) => 'error' in outcome);
  if (refused) throw new Error(refused.error);
}

// What is done to a state, so that two of them are the same

const byName = ([one]: readonly [string, ...unknown[]], [other]: readonly [string, ...unknown[]]): number =>
  one < other ? -1 : 1;

/** Fixed names and times for those that differ from run to run, and a past for one queue. */
function fixed(state: CommandState): CommandState {
  const names = new Map([...serverNames(state), ...entryNames(state)]);
  const renamed = (value: string): string => [...names].reduce((text, [from, to]) => text.replaceAll(from, to), value);
  const kept = Object.entries(state).filter(([name]) => !name.startsWith('asynq:{ticks}:'));
  const rewritten = kept.map(([name, value]): [string, Value] => {
    const key = renamed(name).replace(dayAgo(0), '<today>');
    return [key, fixedValue(key, value, renamed)];
  });
  const history = ['<today-1>', '<today-2>'].flatMap((day, n) => [
    [`asynq:{mail}:processed:${day}`, { string: String(1_000 + n) }] as const,
    [`asynq:{mail}:failed:${day}`, { string: String(333 * n) }] as const,
  ]);
  const sorted = [...rewritten, ...history].toSorted(byName);
  return Object.fromEntries(sorted);
}

/** Servers and schedulers are named after their host, their process and a random id. */
function serverNames(state: CommandState): [string, string][] {
  const serversBy = (key: string): string[] => Object.keys(state).filter((name) => name.startsWith(key));
  const servers = serversBy('asynq:servers:').toSorted(
    (one, other) => Number(serverInfo(state, one)['concurrency']) - Number(serverInfo(state, other)['concurrency']),
  );
  const schedulers = serversBy('asynq:schedulers:').toSorted((one, other) =>
    specOf(state, one) < specOf(state, other) ? -1 : 1,
  );
  const identity = (key: string): string => key.slice(key.indexOf('{') + 1, key.lastIndexOf('}'));
  return [
    ...servers.map((key, n): [string, string] => [identity(key), `worker-${n + 1}:${101 + n}:server-${n + 1}`]),
    ...schedulers.map((key, n): [string, string] => [identity(key), `planner:201:scheduler-${n + 1}`]),
  ];
}

function serverInfo(state: CommandState, key: string): Record<string, unknown> {
  return decode('ServerInfo', (state[key] as { string: Bytes }).string);
}

const entryOf = (state: CommandState, key: string): Record<string, unknown> =>
  decode('SchedulerEntry', (state[key] as { list: Bytes[] }).list[0]!);

const specOf = (state: CommandState, key: string): string => entryOf(state, key)['spec'] as string;

/** Entries of schedulers have random ids. */
function entryNames(state: CommandState): [string, string][] {
  const keys = Object.keys(state).filter((name) => name.startsWith('asynq:schedulers:'));
  return keys.map((key) => [entryOf(state, key)['id'] as string, entryName(specOf(state, key))]);
}

const entryName = (spec: string): string => (spec.startsWith('@') ? 'entry-often' : 'entry-yearly');

function fixedValue(key: string, value: Value, renamed: (text: string) => string): Value {
  if (key === 'asynq:queues') return { set: (value as { set: Bytes[] }).set.filter((name) => name !== 'ticks') };
  if (key.startsWith('asynq:servers:')) return { string: fixedServer(key, (value as { string: Bytes }).string) };
  if (key.startsWith('asynq:workers:')) return { hash: mapValues(value, (bytes) => fixedWorker(key, bytes)) };
  if (key.startsWith('asynq:schedulers:')) return { list: (value as { list: Bytes[] }).list.map(fixedEntry) };
  if (key.endsWith(':paused')) return { string: String(PAST_S) };
  if (key.startsWith('asynq:scheduler_history:')) return { zset: [fixedEvent(2), fixedEvent(1)] };
  if ('hash' in value) return { hash: fixedTask(value.hash) };
  if ('zset' in value) return { zset: fixedScores(key, value.zset, renamed) };
  return value;
}

function mapValues(value: Value, map: (bytes: Bytes) => Bytes): Record<string, Bytes> {
  const fields = Object.entries((value as { hash: Record<string, Bytes> }).hash);
  return Object.fromEntries(fields.map(([name, bytes]) => [name, map(bytes)]));
}

const at = (seconds: number, nanos = 0): object => ({ seconds, nanos });

function fixedServer(key: string, bytes: Bytes): Bytes {
  const info = decode('ServerInfo', bytes);
  const queues = Object.fromEntries(Object.entries(info['queues'] as object).toSorted(byName)); // Go's order is random
  return encode('ServerInfo', { ...info, queues, ...identityIn(key), start_time: at(PAST_S) });
}

function fixedWorker(key: string, bytes: Bytes): Bytes {
  const times = { start_time: at(PAST_S), deadline: at(AHEAD_S) };
  return encode('WorkerInfo', { ...decode('WorkerInfo', bytes), ...identityIn(key), ...times });
}

function identityIn(key: string): object {
  const [host, pid, serverId] = key.slice(key.indexOf('{') + 1, -1).split(':');
  return { host, pid: Number(pid), server_id: serverId };
}

/** One entry is about to fire, and fired before; the other never did. */
function fixedEntry(bytes: Bytes): Bytes {
  const entry = decode('SchedulerEntry', bytes);
  const id = entryName(entry['spec'] as string);
  const times =
    id === 'entry-often'
      ? { prev_enqueue_time: at(PAST_S), next_enqueue_time: at(PAST_S + 1) }
      : { next_enqueue_time: at(AHEAD_S) };
  return encode('SchedulerEntry', { ...entry, id, ...times });
}

function fixedEvent(n: number): readonly [Bytes, number] {
  const enqueuedAt = at(PAST_S - n, n === 1 ? 500_000_000 : 123_456_789);
  return [encode('SchedulerEnqueueEvent', { task_id: `tick-${n}`, enqueue_time: enqueuedAt }), PAST_S - n];
}

function fixedTask(hash: Readonly<Record<string, Bytes>>): Record<string, Bytes> {
  const message = decode('TaskMessage', hash['msg']!);
  for (const field of ['last_failed_at', 'completed_at']) if (message[field] !== undefined) message[field] = PAST_S;
  const pending = 'pending_since' in hash ? { pending_since: `${PAST_S}000000000` } : {};
  return { ...hash, msg: encode('TaskMessage', message), ...pending };
}

function fixedScores(
  key: string,
  members: readonly (readonly [Bytes, number])[],
  renamed: (text: string) => string,
): (readonly [Bytes, number])[] {
  const named = members.map(([member, score]) => [renamed(member as string), score] as const);
  if (key.endsWith(':scheduled')) return named.map(([id, score]) => [id, id === 'overdue' ? PAST_S : score]);
  const firstS = key.includes(':g:') ? PAST_S : AHEAD_S; // asynq drops what was archived long ago
  return named.toSorted(byName).map(([name], n) => [name, firstS + n]);
}

const decode = (record: string, bytes: Bytes): Record<string, unknown> => {
  const type = records.lookupType(`asynq.${record}`);
  return type.toObject(type.decode(fromBytes(bytes)), { longs: Number });
};

const encode = (record: string, fields: object): Bytes => {
  const type = records.lookupType(`asynq.${record}`);
  return toBytes(Buffer.from(type.encode(type.fromObject(fields)).finish()));
};

// How a state is read and written

const toBytes = (bytes: Buffer): Bytes => {
  const shown = bytes.toString();
  return Buffer.from(shown).equals(bytes) && !shown.includes('\0') ? shown : { hex: bytes.toString('hex') };
};

const fromBytes = (bytes: Bytes): Buffer =>
  typeof bytes === 'string' ? Buffer.from(bytes) : Buffer.from(bytes.hex, 'hex');

const withDays = (key: string): string =>
  key.replace(/<today(?:-(?<days>\d+))?>$/, (_match, days?: string) => dayAgo(Number(days ?? 0)));

async function readState(redis: Redis): Promise<CommandState> {
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
