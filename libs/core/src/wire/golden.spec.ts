import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MessageDecodeError } from '../errors/message-decode.error.js';
import { keys } from './keys.js';
import {
  decodeSchedulerEnqueueEvent,
  decodeSchedulerEntry,
  encodeSchedulerEnqueueEvent,
  encodeSchedulerEntry,
  type SchedulerEnqueueEvent,
  type SchedulerEntry,
} from './scheduler-entry.js';
import {
  decodeServerInfo,
  decodeWorkerInfo,
  encodeServerInfo,
  encodeWorkerInfo,
  type ServerInfo,
  type ServerStatus,
  type WorkerInfo,
} from './server-info.js';
import { decodeTaskMessage, encodeTaskMessage, type TaskMessage } from './task-message.js';
import { uniqueKey } from './unique-key.js';
import { utcDay } from './unix-time.js';

/** Our codecs and names against those recorded from Go; test/interop/golden/README.md explains the files. */

interface GoTaskMessage {
  type: string;
  payload_hex: string | null;
  id: string;
  queue: string;
  retry: number;
  retried: number;
  error_msg: string;
  timeout: number | string;
  deadline: number | string;
  unique_key: string;
  last_failed_at: number | string;
  retention: number | string;
  completed_at: number | string;
  group_key: string;
  headers: Record<string, string> | null;
}

interface GoTime {
  unix: number;
  nanos: number;
}

interface GoRecord<Fields> {
  name: string;
  fields: Fields;
  hex: string;
  alternatives?: string[];
}

interface GoMessageRecord extends GoRecord<GoTaskMessage> {
  decodes_to?: GoTaskMessage;
}

interface GoInput {
  name: string;
  hex: string;
  error?: string;
  fields: GoTaskMessage;
  encodes_back_to?: string;
}

interface GoLock {
  queue: string;
  type: string;
  key: string;
  payload_hex: string | null;
  payload_repeat?: { byte_hex: string; count: number };
}

type GoKeyNames = [{ queue: string; keys: object }, { queue: string; keys: object }, { global: object }];

interface GoInfos {
  server_info: GoRecord<{
    host: string;
    pid: number;
    server_id: string;
    concurrency: number;
    queues: Record<string, number> | null;
    strict_priority: boolean;
    status: ServerStatus;
    start_time: GoTime;
    active_worker_count: number;
  }>[];
  worker_info: GoRecord<{
    host: string;
    pid: number;
    server_id: string;
    task_id: string;
    task_type: string;
    task_payload_hex: string | null;
    queue: string;
    start_time: GoTime;
    deadline: GoTime;
  }>[];
  scheduler_entry: GoRecord<{
    id: string;
    spec: string;
    task_type: string;
    task_payload_hex: string | null;
    enqueue_options: string[] | null;
    next_enqueue_time: GoTime;
    prev_enqueue_time: GoTime;
  }>[];
  scheduler_enqueue_event: GoRecord<{ task_id: string; enqueue_time: GoTime }>[];
}

const read = (file: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../../../test/interop/golden/${file}.json`, import.meta.url), 'utf8'));

const bytes = (hex: string | null): Uint8Array => Uint8Array.from(Buffer.from(hex ?? '', 'hex'));
const hex = (data: Uint8Array): string => Buffer.from(data).toString('hex');
const ms = ({ unix, nanos }: GoTime): number => unix * 1000 + Math.floor(nanos / 1e6);
const msOrNever = (time: GoTime): number | undefined => (time.unix === -62_135_596_800 ? undefined : ms(time));
/** Our clock has milliseconds, so 789012345 ns are written as 789000000 ns. */
const cutToMs = (goHex: string): string => goHex.replaceAll('10f9be9df802', '10c0de9cf802');

const taskMessage = (go: GoTaskMessage): TaskMessage => ({
  type: go.type,
  payload: bytes(go.payload_hex),
  id: go.id,
  queue: go.queue,
  maxRetry: go.retry,
  retried: go.retried,
  errorMsg: go.error_msg,
  timeoutS: BigInt(go.timeout),
  deadlineS: BigInt(go.deadline),
  uniqueKey: go.unique_key,
  lastFailedAtS: BigInt(go.last_failed_at),
  retentionS: BigInt(go.retention),
  completedAtS: BigInt(go.completed_at),
  groupKey: go.group_key,
  headers: go.headers ?? {},
});

describe('a TaskMessage recorded from Go', () => {
  const records = read('task-messages') as GoMessageRecord[];

  it.each(records)('$name: we write the same bytes', ({ fields, hex: goHex, alternatives = [goHex] }) => {
    expect(alternatives).toContain(hex(encodeTaskMessage(taskMessage(fields))));
  });

  it.each(records)('$name: we read the same fields', ({ fields, decodes_to: decoded = fields, hex: goHex }) => {
    expect(decodeTaskMessage(bytes(goHex))).toEqual(taskMessage(decoded));
  });

  const inputs = read('decode-task-message') as GoInput[];
  const accepted = inputs.filter(({ error }) => error === undefined);
  const refused = inputs.filter(({ error }) => error !== undefined);

  it.each(accepted)('$name: we accept it and write it back as Go does', ({ hex: goHex, fields, encodes_back_to }) => {
    const decoded = decodeTaskMessage(bytes(goHex));

    expect(decoded).toEqual(taskMessage(fields));
    expect(hex(encodeTaskMessage(decoded))).toBe(encodes_back_to ?? '');
  });

  it.each(refused)('$name: we refuse it too', ({ hex: goHex }) => {
    expect(() => decodeTaskMessage(bytes(goHex))).toThrow(MessageDecodeError);
  });
});

describe('the presence of a Go server', () => {
  const { server_info, worker_info } = read('infos') as GoInfos;

  it.each(server_info)('ServerInfo $name, both ways', ({ fields: go, hex: goHex, alternatives = [goHex] }) => {
    const info: ServerInfo = {
      host: go.host,
      pid: go.pid,
      serverId: go.server_id,
      concurrency: go.concurrency,
      queues: go.queues ?? {},
      strictPriority: go.strict_priority,
      status: go.status,
      startedAtMs: ms(go.start_time),
      activeWorkerCount: go.active_worker_count,
    };

    expect(decodeServerInfo(bytes(goHex))).toEqual(info);
    expect(alternatives.map(cutToMs)).toContain(hex(encodeServerInfo(info)));
  });

  it.each(worker_info)('WorkerInfo $name, both ways', ({ fields: go, hex: goHex }) => {
    const info: WorkerInfo = {
      host: go.host,
      pid: go.pid,
      serverId: go.server_id,
      taskId: go.task_id,
      taskType: go.task_type,
      taskPayload: bytes(go.task_payload_hex),
      queue: go.queue,
      startedAtMs: ms(go.start_time),
      deadlineMs: ms(go.deadline),
    };

    expect(decodeWorkerInfo(bytes(goHex))).toEqual(info);
    expect(hex(encodeWorkerInfo(info))).toBe(cutToMs(goHex));
  });
});

describe('the plan of a Go scheduler', () => {
  const { scheduler_entry, scheduler_enqueue_event } = read('infos') as GoInfos;

  it.each(scheduler_entry)('SchedulerEntry $name, both ways', ({ fields: go, hex: goHex }) => {
    const entry: SchedulerEntry = {
      id: go.id,
      spec: go.spec,
      taskType: go.task_type,
      taskPayload: bytes(go.task_payload_hex),
      enqueueOptions: go.enqueue_options ?? [],
      nextEnqueueAtMs: msOrNever(go.next_enqueue_time),
      prevEnqueueAtMs: msOrNever(go.prev_enqueue_time),
    };

    expect(decodeSchedulerEntry(bytes(goHex))).toEqual(entry);
    expect(hex(encodeSchedulerEntry(entry))).toBe(goHex);
  });

  it.each(scheduler_enqueue_event)('SchedulerEnqueueEvent $name, both ways', ({ fields: go, hex: goHex }) => {
    const { unix, nanos } = go.enqueue_time;
    const event: SchedulerEnqueueEvent = {
      taskId: go.task_id,
      enqueuedAtNs: BigInt(unix) * 1_000_000_000n + BigInt(nanos),
    };

    expect(decodeSchedulerEnqueueEvent(bytes(goHex))).toEqual(event);
    expect(hex(encodeSchedulerEnqueueEvent(event))).toBe(goHex);
  });
});

describe('names recorded from Go', () => {
  const locks = read('unique-keys') as GoLock[];

  it.each(locks)('unique lock $key', ({ queue, type, key, payload_hex, payload_repeat }) => {
    const repeated = payload_repeat && bytes(payload_repeat.byte_hex.repeat(payload_repeat.count));

    expect(uniqueKey(queue, type, repeated ?? (payload_hex === null ? undefined : bytes(payload_hex)))).toBe(key);
  });

  const [first, second, { global }] = read('key-names') as GoKeyNames;
  const id = '4c9a8ae5-31f3-4e2f-9c2a-8f3a9a5d1b60';

  it.each([first, second])('keys of the queue $queue', ({ queue, keys: goKeys }) => {
    const day = utcDay(Date.parse('2024-02-29T23:59:59-05:00'));

    expect(goKeys).toMatchObject({
      [`task(id=${id})`]: keys.task(queue, id),
      pending: keys.pending(queue),
      active: keys.active(queue),
      lease: keys.lease(queue),
      scheduled: keys.scheduled(queue),
      retry: keys.retry(queue),
      archived: keys.archived(queue),
      completed: keys.completed(queue),
      paused: keys.paused(queue),
      processed_total: keys.processed(queue),
      failed_total: keys.failed(queue),
      'processed(2024-02-29T23:59:59-05:00)': keys.processedOn(queue, day),
      'failed(2024-02-29T23:59:59-05:00)': keys.failedOn(queue, day),
      groups: keys.groups(queue),
      'group(g=user:123)': keys.group(queue, 'user:123'),
    });
  });

  it('keys of no queue', () => {
    const server = ['golden-host', 4242, id] as const;

    expect(global).toMatchObject({
      queues: keys.queues,
      servers: keys.servers,
      workers: keys.workers,
      cancel_channel: keys.cancelChannel,
      [`server_info(host=golden-host,pid=4242,id=${id})`]: keys.server(...server),
      [`workers_of(host=golden-host,pid=4242,id=${id})`]: keys.serverWorkers(...server),
    });
  });
});
