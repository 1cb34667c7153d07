import { bindToAttempt, readBound } from './attempt-record.js';
import type { TaskMessage } from './task-message.js';

/** The field `progress` of a task hash: the last report of the handler. */
export interface ProgressRecord {
  /** Completed share, from 0 to 1. */
  readonly share: number;
  readonly note?: string | undefined;
  /** When it was reported, unix ms. */
  readonly atMs: number;
}

export function encodeProgress({ share, note, atMs }: ProgressRecord, message: TaskMessage): string {
  return bindToAttempt(JSON.stringify({ share, note, atMs }), message);
}

/**
 * `undefined` for the record of an earlier attempt, and for an invalid record: it is only displayed, so it must not
 * make the task unreadable.
 */
export function decodeProgress(record: string | undefined, message: TaskMessage): ProgressRecord | undefined {
  const bound = readBound(record, message);
  if (bound === undefined) return undefined; // as most tasks, which is dear to learn from an error
  try {
    const { share, note, atMs } = JSON.parse(bound) as Record<string, unknown>;
    if (typeof share !== 'number' || typeof atMs !== 'number') return undefined;
    return { share, atMs, ...(typeof note === 'string' && { note }) };
  } catch {
    return undefined;
  }
}
