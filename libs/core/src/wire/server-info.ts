import { ServerInfoRecord, WorkerInfoRecord } from './asynq.generated.js';
import { decodeRecord, fromTimestamp, plainBytes, toTimestamp, wellFormed, wellFormedMap } from './record.js';
import { fromNs, toNs } from './unix-time.js';

/** The record that a server publishes at each heartbeat (key `asynq:servers:{…}`). */
export interface ServerInfo {
  readonly host: string;
  readonly pid: number;
  /** UUID v4, new for each server object. */
  readonly serverId: string;
  readonly concurrency: number;
  /** Queue name to priority as configured. */
  readonly queues: Readonly<Record<string, number>>;
  readonly strictPriority: boolean;
  readonly status: ServerStatus;
  readonly startedAtMs: number;
  readonly activeWorkerCount: number;
}

/** The state of a server, as on the wire. */
export type ServerStatus = 'new' | 'active' | 'stopped' | 'closed';

/** Maximum size of a payload shown to inspectors. */
export const LONGEST_SHOWN_PAYLOAD_BYTES = 64 * 1024;

/** The part of a payload that a server publishes: one byte more than is shown marks it as cut. */
export const shownPayload = (payload: Uint8Array): Uint8Array => payload.subarray(0, LONGEST_SHOWN_PAYLOAD_BYTES + 1);

/** One running task of a server (field of the hash `asynq:workers:{…}`). */
export interface WorkerInfo {
  readonly host: string;
  readonly pid: number;
  readonly serverId: string;
  readonly taskId: string;
  readonly taskType: string;
  readonly taskPayload: Uint8Array;
  readonly queue: string;
  readonly startedAtMs: number;
  readonly deadlineMs: number;
}

/** Bytes for the key `asynq:servers:{…}`. */
export function encodeServerInfo(info: ServerInfo): Buffer {
  return ServerInfoRecord.encode({
    host: wellFormed(info.host),
    pid: info.pid,
    serverId: wellFormed(info.serverId),
    concurrency: info.concurrency,
    queues: wellFormedMap(info.queues),
    strictPriority: info.strictPriority,
    status: info.status,
    startTime: toTimestamp(toNs(info.startedAtMs)),
    activeWorkerCount: info.activeWorkerCount,
  }).finish();
}

/** @throws {MessageDecodeError} Go would refuse the bytes, too */
export function decodeServerInfo(bytes: Uint8Array): ServerInfo {
  const fields = decodeRecord('ServerInfo', ServerInfoRecord, bytes);
  return {
    host: fields.host,
    pid: fields.pid,
    serverId: fields.serverId,
    concurrency: fields.concurrency,
    queues: fields.queues,
    strictPriority: fields.strictPriority,
    status: fields.status as ServerStatus, // a foreign server may have written another one; it is only displayed
    startedAtMs: fromNs(fromTimestamp(fields.startTime)),
    activeWorkerCount: fields.activeWorkerCount,
  };
}

/** Bytes for one field of the hash `asynq:workers:{…}`. A deadline after the year 9999 is written as its end. */
export function encodeWorkerInfo(info: WorkerInfo): Buffer {
  return WorkerInfoRecord.encode({
    host: wellFormed(info.host),
    pid: info.pid,
    serverId: wellFormed(info.serverId),
    taskId: wellFormed(info.taskId),
    taskType: wellFormed(info.taskType),
    taskPayload: info.taskPayload,
    queue: wellFormed(info.queue),
    startTime: toTimestamp(toNs(info.startedAtMs)),
    deadline: toTimestamp(toNs(info.deadlineMs)),
  }).finish();
}

/** @throws {MessageDecodeError} Go would refuse the bytes, too */
export function decodeWorkerInfo(bytes: Uint8Array): WorkerInfo {
  const fields = decodeRecord('WorkerInfo', WorkerInfoRecord, bytes);
  return {
    host: fields.host,
    pid: fields.pid,
    serverId: fields.serverId,
    taskId: fields.taskId,
    taskType: fields.taskType,
    taskPayload: plainBytes(fields.taskPayload),
    queue: fields.queue,
    startedAtMs: fromNs(fromTimestamp(fields.startTime)),
    deadlineMs: fromNs(fromTimestamp(fields.deadline)),
  };
}
