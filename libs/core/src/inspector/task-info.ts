import type { StoredTask } from '../broker/contract/lists.js';
import { placeOf } from '../partitions/partition-name.js';
import type { BackoffRecord } from '../wire/backoff-record.js';
import { addDecoded } from '../task/decoded-value.js';
import type { PayloadCodec } from '../task/payload-codec.js';
import type { TaskState } from '../wire/task-state.js';
import { clampInt64, dateOf, fromS } from '../wire/unix-time.js';

/** The progress of a task. */
export interface TaskProgress {
  /** From 0 to 1. */
  readonly share: number;
  readonly note: string | undefined;
  readonly at: Date;
}

/** A task at one moment. */
export interface TaskInfo {
  readonly id: string;
  readonly queue: string;
  /** Of a partitioned queue: the ordinary queue that holds it. */
  readonly partition?: string | undefined;
  readonly type: string;
  readonly state: TaskState;
  readonly payload: Uint8Array;
  /**
   * The payload as a handler receives it, decoded when it is read; `undefined` when its bytes do not decode. Not shown by logs and
   * JSON, and not copied by a spread.
   */
  readonly payloadValue?: unknown;
  readonly headers: Readonly<Record<string, string>>;
  /** Number of counted failures so far. */
  readonly retried: number;
  readonly maxRetry: number;
  /** Text of the last error; empty when it never failed. */
  readonly lastError: string;
  readonly lastFailedAt: Date | undefined;
  /** Maximum duration of an attempt; `undefined`: only the deadline ends it. */
  readonly timeoutMs: number | undefined;
  readonly deadline: Date | undefined;
  /** When it will be processed, for scheduled, retry and pending tasks. */
  readonly nextProcessAt: Date | undefined;
  /** How long it is kept after success. */
  readonly retentionMs: number;
  readonly completedAt: Date | undefined;
  /** The stored result; `undefined` when there is none. */
  readonly result: Uint8Array | undefined;
  /** The stored result, decoded in the same way. */
  readonly resultValue?: unknown;
  /** The last progress report of the running or successful attempt; `undefined`: none. */
  readonly progress: TaskProgress | undefined;
  /** Its group for aggregation; `undefined` for a task without one. */
  readonly group: string | undefined;
  /** Active, but its lease has expired without a heartbeat; it is about to be recovered. */
  readonly isOrphaned: boolean;
  /** Number of times its worker was lost since it last ended an attempt. */
  readonly crashes: number;
  /** The delays between its attempts, if it was enqueued with some. */
  readonly backoff?: TaskBackoff | undefined;
}

/** The `backoff` of a task, in milliseconds. */
export interface TaskBackoff {
  readonly type: 'fixed' | 'exponential';
  readonly delayMs: number;
  readonly maxDelayMs: number;
  /** 0 to 1. */
  readonly jitter: number;
}

export function toTaskInfo(task: StoredTask, codec: PayloadCodec): TaskInfo {
  const { queue, partition } = placeOf(task.message.queue);
  const { message, state, nextProcessAtMs, result, progress, isOrphaned, crashes, backoff } = task;
  const info: TaskInfo = {
    id: message.id,
    queue,
    ...(partition !== undefined && { partition }),
    type: message.type,
    state,
    payload: message.payload,
    headers: message.headers,
    retried: message.retried,
    maxRetry: message.maxRetry,
    lastError: message.errorMsg,
    lastFailedAt: dateOfS(message.lastFailedAtS),
    timeoutMs: message.timeoutS === 0n ? undefined : fromS(clampInt64(message.timeoutS)),
    deadline: dateOfS(message.deadlineS),
    nextProcessAt: nextProcessAtMs === undefined ? undefined : dateOf(nextProcessAtMs),
    retentionMs: fromS(clampInt64(message.retentionS)),
    completedAt: dateOfS(message.completedAtS),
    result,
    progress: progress && { share: progress.share, note: progress.note, at: dateOf(progress.atMs) },
    group: message.groupKey === '' ? undefined : message.groupKey,
    isOrphaned,
    crashes,
    ...(backoff && { backoff: toTaskBackoff(backoff) }),
  };
  addDecoded(info, 'payloadValue', message.payload, codec);
  return addDecoded(info, 'resultValue', result, codec);
}

const toTaskBackoff = ({ kind, delayMs, maxMs, jitter }: BackoffRecord): TaskBackoff => ({
  type: kind,
  delayMs,
  maxDelayMs: maxMs,
  jitter,
});

/** On the wire 0 means "never". */
function dateOfS(atS: bigint): Date | undefined {
  return atS === 0n ? undefined : dateOf(fromS(clampInt64(atS)));
}
