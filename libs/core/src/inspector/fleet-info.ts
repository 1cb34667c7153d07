import type { ShownServer } from '../broker/contract/presence.js';
import { placeOf } from '../partitions/partition-name.js';
import type { SchedulerEnqueueEvent as EventRecord, SchedulerEntry as EntryRecord } from '../wire/scheduler-entry.js';
import { LONGEST_SHOWN_PAYLOAD_BYTES, type WorkerInfo as WorkerRecord } from '../wire/server-info.js';
import { dateOf, fromNs } from '../wire/unix-time.js';

/** A server with a recent heartbeat. */
export interface ServerInfo {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly concurrency: number;
  /** Queue name to weight. For a partitioned queue it serves all partitions, or the configured number. */
  readonly queues: Readonly<Record<string, number>>;
  readonly strictPriority: boolean;
  readonly status: 'new' | 'active' | 'stopped' | 'closed';
  readonly startedAt: Date;
  /** The tasks it runs now. */
  readonly workers: readonly WorkerInfo[];
}

/** A task that a server runs now. */
export interface WorkerInfo {
  readonly taskId: string;
  readonly taskType: string;
  /** Its first 64 kB. */
  readonly taskPayload: Uint8Array;
  /** The payload is longer than `taskPayload`; `taskInfo` returns all of it. */
  readonly isPayloadCut: boolean;
  readonly queue: string;
  /** Of a partitioned queue: the ordinary queue that holds it. */
  readonly partition?: string | undefined;
  readonly startedAt: Date;
  /** When the attempt will be aborted. */
  readonly deadline: Date;
}

/** One line of a scheduler's plan. */
export interface SchedulerEntry {
  readonly id: string;
  /** Cron spec as given. */
  readonly spec: string;
  readonly taskType: string;
  readonly taskPayload: Uint8Array;
  /** Options of its tasks in asynq's text form, such as `Queue("low")`. */
  readonly options: readonly string[];
  /** `undefined`: it never fires. */
  readonly nextEnqueueAt: Date | undefined;
  /** `undefined`: it has not fired yet. */
  readonly prevEnqueueAt: Date | undefined;
}

/** One enqueue event of a scheduler's entry. */
export interface SchedulerEvent {
  readonly taskId: string;
  readonly enqueuedAt: Date;
}

export function toServerInfo({ server, workers }: ShownServer): ServerInfo {
  const { serverId: id, host, pid, concurrency, strictPriority, status, startedAtMs } = server;
  const queues = Object.fromEntries(
    Object.entries(server.queues).map(([name, weight]) => [placeOf(name).queue, weight]),
  );
  const startedAt = dateOf(startedAtMs);
  return { id, host, pid, concurrency, queues, strictPriority, status, startedAt, workers: workers.map(toWorkerInfo) };
}

function toWorkerInfo({ taskId, taskType, taskPayload, startedAtMs, deadlineMs, ...worker }: WorkerRecord): WorkerInfo {
  const { queue, partition } = placeOf(worker.queue);
  return {
    taskId,
    taskType,
    taskPayload: taskPayload.subarray(0, LONGEST_SHOWN_PAYLOAD_BYTES),
    isPayloadCut: taskPayload.length > LONGEST_SHOWN_PAYLOAD_BYTES,
    queue,
    ...(partition !== undefined && { partition }),
    startedAt: dateOf(startedAtMs),
    deadline: dateOf(deadlineMs),
  };
}

export function toSchedulerEntry(entry: EntryRecord): SchedulerEntry {
  const { id, spec, taskType, taskPayload, enqueueOptions, nextEnqueueAtMs, prevEnqueueAtMs } = entry;
  return {
    id,
    spec,
    taskType,
    taskPayload,
    options: enqueueOptions,
    nextEnqueueAt: nextEnqueueAtMs === undefined ? undefined : dateOf(nextEnqueueAtMs),
    prevEnqueueAt: prevEnqueueAtMs === undefined ? undefined : dateOf(prevEnqueueAtMs),
  };
}

export function toSchedulerEvent({ taskId, enqueuedAtNs }: EventRecord): SchedulerEvent {
  return { taskId, enqueuedAt: dateOf(fromNs(enqueuedAtNs)) };
}
