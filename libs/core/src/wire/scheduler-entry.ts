import { SchedulerEnqueueEventRecord, SchedulerEntryRecord } from './asynq.generated.js';
import { decodeRecord, fromTimestamp, plainBytes, toTimestamp, wellFormed } from './record.js';
import { NEVER_NS, fromNs, toNs } from './unix-time.js';

/** One line of a scheduler's plan (element of the list `asynq:schedulers:{…}`). */
export interface SchedulerEntry {
  /** UUID v4. */
  readonly id: string;
  /** Cron spec as given. */
  readonly spec: string;
  readonly taskType: string;
  readonly taskPayload: Uint8Array;
  /** Options given with the entry, in the text form of asynq's options: `Queue("low")`. */
  readonly enqueueOptions: readonly string[];
  /** `undefined`: the spec never fires. */
  readonly nextEnqueueAtMs: number | undefined;
  /** `undefined`: it has not fired yet. */
  readonly prevEnqueueAtMs: number | undefined;
}

/** One enqueue event of an entry (member of the zset `asynq:scheduler_history:<entry id>`). */
export interface SchedulerEnqueueEvent {
  readonly taskId: string;
  /** Unix nanoseconds, so that two events of one task id are distinct members. */
  readonly enqueuedAtNs: bigint;
}

/** Bytes for the list `asynq:schedulers:{…}`. */
export function encodeSchedulerEntry(entry: SchedulerEntry): Buffer {
  return SchedulerEntryRecord.encode({
    id: wellFormed(entry.id),
    spec: wellFormed(entry.spec),
    taskType: wellFormed(entry.taskType),
    taskPayload: entry.taskPayload,
    enqueueOptions: entry.enqueueOptions.map(wellFormed),
    nextEnqueueTime: toTimestamp(orNever(entry.nextEnqueueAtMs)),
    prevEnqueueTime: toTimestamp(orNever(entry.prevEnqueueAtMs)),
  }).finish();
}

/** @throws {MessageDecodeError} Go would refuse the bytes, too */
export function decodeSchedulerEntry(bytes: Uint8Array): SchedulerEntry {
  const fields = decodeRecord('SchedulerEntry', SchedulerEntryRecord, bytes);
  return {
    id: fields.id,
    spec: fields.spec,
    taskType: fields.taskType,
    taskPayload: plainBytes(fields.taskPayload),
    enqueueOptions: fields.enqueueOptions,
    nextEnqueueAtMs: unlessNever(fromTimestamp(fields.nextEnqueueTime)),
    prevEnqueueAtMs: unlessNever(fromTimestamp(fields.prevEnqueueTime)),
  };
}

/** Bytes for the zset `asynq:scheduler_history:<entry id>`. */
export function encodeSchedulerEnqueueEvent(event: SchedulerEnqueueEvent): Buffer {
  return SchedulerEnqueueEventRecord.encode({
    taskId: wellFormed(event.taskId),
    enqueueTime: toTimestamp(event.enqueuedAtNs),
  }).finish();
}

/** @throws {MessageDecodeError} Go would refuse the bytes, too */
export function decodeSchedulerEnqueueEvent(bytes: Uint8Array): SchedulerEnqueueEvent {
  const fields = decodeRecord('SchedulerEnqueueEvent', SchedulerEnqueueEventRecord, bytes);
  return { taskId: fields.taskId, enqueuedAtNs: fromTimestamp(fields.enqueueTime) };
}

const orNever = (atMs: number | undefined): bigint => (atMs === undefined ? NEVER_NS : toNs(atMs));

const unlessNever = (atNs: bigint): number | undefined => (atNs === NEVER_NS ? undefined : fromNs(atNs));
