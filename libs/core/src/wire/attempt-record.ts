import type { TaskMessage } from './task-message.js';
import type { TaskState } from './task-state.js';

type Attempts = Pick<TaskMessage, 'retried' | 'lastFailedAtS'>;

/**
 * Marks the attempt to which a field of ours belongs. A Go server ignores our fields and leaves them, but it changes
 * one of these two values of the message when it ends an attempt, which invalidates earlier fields.
 */
const markOf = ({ retried, lastFailedAtS }: Attempts): string => `${retried} ${lastFailedAtS}`;

/**
 * The content of a field of ours: the value, the number of failures of the task, and the time of the last one, unix s.
 */
export const bindToAttempt = (value: string | number, message: Attempts): string => `${value} ${markOf(message)}`;

/** The value of a record, if it belongs to the current or next attempt of the message. */
export function readBound(record: string | undefined, message: Attempts): string | undefined {
  const end = ` ${markOf(message)}`;
  return record?.endsWith(end) ? record.slice(0, -end.length) : undefined;
}

/** Since when no server has known the type of a task, unix ms. */
export function readUnknownSinceMs(record: string | undefined, message: Attempts): number | undefined {
  return readCount(readBound(record, message));
}

/** Workers lost with a task since it last ended an attempt. */
export interface Crashes {
  readonly total: number;
  /** Of these, those that had no other task in hand. */
  readonly alone: number;
}

const NO_CRASHES: Crashes = { total: 0, alone: 0 };
const OF_ARCHIVED = ' archived';

/** `total`, or `total:alone`. */
export const encodeCrashes = ({ total, alone }: Crashes, message: Attempts): string =>
  bindToAttempt(alone === 0 ? total : `${total}:${alone}`, message);

/** The crashes for which a task was archived; they no longer count when the task runs again. */
export const crashesOfArchived = (crashes: Crashes, message: Attempts): string =>
  encodeCrashes(crashes, message) + OF_ARCHIVED;

export function readCrashes(record: string | undefined, message: Attempts, state: TaskState): Crashes {
  if (record === undefined) return NO_CRASHES; // nearly always
  const isOfArchived = record.endsWith(OF_ARCHIVED);
  if (isOfArchived && state !== 'archived') return NO_CRASHES;
  const bound = readBound(isOfArchived ? record.slice(0, -OF_ARCHIVED.length) : record, message);
  const [total, alone = 0] = (bound ?? '').split(':').map(readCount);
  return total === undefined ? NO_CRASHES : { total, alone };
}

/** Written while a task runs without any other on its server. */
export const aloneRecord = (message: Attempts): string => bindToAttempt(1, message);

/** The crashes of a task whose worker was lost once more. */
export function oneMore({ total, alone }: Crashes, record: string | undefined, message: Attempts): Crashes {
  const wasAlone = record !== undefined && record === aloneRecord(message);
  return { total: total + 1, alone: alone + (wasAlone ? 1 : 0) };
}

/** `undefined` for an invalid count: an optional field must not make the task unreadable. */
function readCount(text: string | undefined): number | undefined {
  const count = text === undefined || text === '' ? NaN : Number(text);
  return Number.isSafeInteger(count) && count >= 0 ? count : undefined;
}
