import type { StoredTask } from '../broker/contract/lists.js';
import type { TaskState } from '../wire/task-state.js';
import { clampInt64, dateOf, fromS } from '../wire/unix-time.js';

/** How far a task has come. */
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
  readonly type: string;
  readonly state: TaskState;
  readonly payload: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  /** Failures so far that counted. */
  readonly retried: number;
  readonly maxRetry: number;
  /** Text of the last error; empty when it never failed. */
  readonly lastError: string;
  readonly lastFailedAt: Date | undefined;
  /** Longest run of one attempt; `undefined`: only the deadline ends it. */
  readonly timeoutMs: number | undefined;
  readonly deadline: Date | undefined;
  /** When it will be processed, for scheduled, retry and pending tasks. */
  readonly nextProcessAt: Date | undefined;
  /** How long it is kept once it succeeded. */
  readonly retentionMs: number;
  readonly completedAt: Date | undefined;
  /** What its handler stored; `undefined` when nothing. */
  readonly result: Uint8Array | undefined;
  /** What the handler of the attempt that runs, or has succeeded, said last of how far it has come; `undefined`: nothing. */
  readonly progress: TaskProgress | undefined;
  /** The group it waits in to be merged; `undefined` for a task without one. */
  readonly group: string | undefined;
  /** Active, but its lease has expired without a heartbeat; it is about to be recovered. */
  readonly isOrphaned: boolean;
  /** Times its worker vanished since it last ended an attempt. */
  readonly crashes: number;
}

export function toTaskInfo(task: StoredTask): TaskInfo {
  const { message, state, nextProcessAtMs, result, progress, isOrphaned, crashes } = task;
  return {
    id: message.id,
    queue: message.queue,
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
  };
}

/** The wire says "never" with 0. */
function dateOfS(atS: bigint): Date | undefined {
  return atS === 0n ? undefined : dateOf(fromS(clampInt64(atS)));
}
