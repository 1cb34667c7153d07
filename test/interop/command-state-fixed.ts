import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';
import { byName, type Bytes, type CommandState, dayAgo, fromBytes, toBytes, type Value } from './command-state.js';

/** The time of all past events: Thu Mar  5 07:08:09 UTC 2026. */
export const PAST_S = 1_772_694_489;
/** The time of all future events, in whole seconds: 2100-01-01. The duration from now until then fits Go's type. */
export const AHEAD_S = 4_102_444_800;

/** Read with the schema instead of our own codecs, which are under test. */
const records = new protobuf.Root().loadSync(
  fileURLToPath(new URL('../../libs/core/src/wire/asynq.proto', import.meta.url)),
  { keepCase: true },
);

/** Fixed names and times for those that differ from run to run, and a history for one queue. */
export function fixed(state: CommandState): CommandState {
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

/** One entry has fired and will fire soon; the other never did. */
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
  const firstS = key.includes(':g:') ? PAST_S : AHEAD_S; // asynq drops tasks archived long ago
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
