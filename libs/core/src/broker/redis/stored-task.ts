import { decodeBackoff } from '../../wire/backoff-record.js';
import { readCrashes } from '../../wire/attempt-record.js';
import { decodeProgress } from '../../wire/task-progress.js';
import { TASK_STATES, type TaskState } from '../../wire/task-state.js';
import { fromS } from '../../wire/unix-time.js';
import type { StoredTask } from '../contract/lists.js';
import { readStoredMessage } from '../stored-message.js';
import { exactDueAtMs } from '../../wire/due-time.js';

/** Where a task was found. */
export interface FoundTask {
  readonly id: string;
  readonly state: TaskState;
  /** Its due time or the end of its lease, unix s, in the states that have one. */
  readonly score: number | undefined;
}

/** The fields of a task's hash that inspectors show, in the order of the reply to `HMGET`. */
export const TASK_FIELDS = ['msg', 'result', 'crashes', 'due_at_ms', 'progress', 'backoff', 'state'] as const;

type TaskReply = readonly (Buffer | null)[];

/** `undefined` when the hash has no message. */
export function toStoredTask(
  queue: string,
  { id, state, score }: FoundTask,
  fields: TaskReply,
  nowMs: number,
): StoredTask | undefined {
  const [bytes, result, crashes, dueAtMs, progress, backoff] = fields;
  if (!bytes) return undefined;
  const hasEnded = (stateIn(fields) ?? state) !== state; // after it was found: so it has no lease
  const { message } = readStoredMessage(queue, id, bytes);
  return {
    message,
    state,
    nextProcessAtMs: nextProcessAtMs(state, score, dueAtMs ?? null, nowMs),
    result: result ?? undefined,
    progress: decodeProgress(progress?.toString(), message),
    isOrphaned: state === 'active' && (score === undefined ? !hasEnded : fromS(score) <= nowMs),
    crashes: readCrashes(crashes?.toString(), message, state).total,
    ...(backoff && { backoff: decodeBackoff(backoff.toString()) }),
  };
}

/** The state that a task's own hash names. */
export function stateIn(fields: TaskReply): TaskState | undefined {
  const text = fields[TASK_FIELDS.indexOf('state')]?.toString();
  return TASK_STATES.find((known) => known === text);
}

function nextProcessAtMs(
  state: TaskState,
  score: number | undefined,
  dueAtMs: Buffer | null,
  nowMs: number,
): number | undefined {
  if (state === 'pending') return nowMs;
  if ((state !== 'scheduled' && state !== 'retry') || score === undefined) return undefined;
  return exactDueAtMs(score, dueAtMs?.toString() ?? null);
}
