import type { TaskMessage } from './task-message.js';
import type { TaskState } from './task-state.js';

type Attempts = Pick<TaskMessage, 'retried' | 'lastFailedAtS'>;

/**
 * Which attempt of its task a field of ours is about. A Go server knows nothing of our fields and leaves them, but it
 * rewrites these two values in the message when it ends an attempt, so that what we wrote before is old from then on.
 */
const markOf = ({ retried, lastFailedAtS }: Attempts): string => `${retried} ${lastFailedAtS}`;

/** A value as it lies in a field of ours: the value, how often the task had failed, and when last, in unix s. */
export const bindToAttempt = (value: string | number, message: Attempts): string => `${value} ${markOf(message)}`;

/** The value of a record, if it is about the attempt that runs with the message, or is the next to. */
export function readBound(record: string | undefined, message: Attempts): string | undefined {
  const end = ` ${markOf(message)}`;
  return record?.endsWith(end) ? record.slice(0, -end.length) : undefined;
}

/** Since when no server knew the type of a task, unix ms. */
export function readUnknownSinceMs(record: string | undefined, message: Attempts): number | undefined {
  return readCount(readBound(record, message));
}

const OF_ARCHIVED = ' archived';

/** How often a task that was archived for it had taken its worker down: nothing that counts once it runs again. */
export const crashesOfArchived = (crashes: number, message: Attempts): string =>
  bindToAttempt(crashes, message) + OF_ARCHIVED;

/** How often a worker vanished with a task since it last ended an attempt. */
export function readCrashes(record: string | undefined, message: Attempts, state: TaskState): number {
  if (!record?.endsWith(OF_ARCHIVED)) return readCount(readBound(record, message)) ?? 0;
  const bound = record.slice(0, -OF_ARCHIVED.length);
  return state === 'archived' ? (readCount(readBound(bound, message)) ?? 0) : 0;
}

/** `undefined` for what is no count: it is a help, and must not cost its reader the task. */
function readCount(text: string | undefined): number | undefined {
  const count = text === undefined || text === '' ? NaN : Number(text);
  return Number.isSafeInteger(count) && count >= 0 ? count : undefined;
}
