import type { TaskMessage } from '../../../wire/task-message.js';
import { clampInt64, floorS, fromS } from '../../../wire/unix-time.js';

/** For a message without timeout and deadline; asynq's clients never write one. */
const FALLBACK_TIMEOUT_MS = 30 * 60_000;
/** The maximum value of a `Date`. */
const END_OF_TIME_MS = 8.64e15;

/**
 * When an attempt that starts now must end, in unix ms: the earlier of timeout and deadline, as asynq computes it.
 * Every attempt gets the full timeout; a negative timeout has already passed.
 */
export function attemptDeadlineMs({ timeoutS, deadlineS }: TaskMessage, nowMs: number): number {
  if (timeoutS === 0n && deadlineS === 0n) return nowMs + FALLBACK_TIMEOUT_MS;
  const timeoutMs = fromS(clampInt64(timeoutS));
  const deadlineMs = fromS(clampInt64(deadlineS));
  if (deadlineS === 0n) return withinTime(nowMs + timeoutMs);
  if (timeoutS === 0n) return withinTime(deadlineMs);
  return withinTime(Math.min(fromS(floorS(nowMs)) + timeoutMs, deadlineMs));
}

/** Why no attempt of the task can succeed any more, as text for its last error; `undefined`: one can. */
export function hopelessReason({ timeoutS, deadlineS }: TaskMessage, nowMs: number): string | undefined {
  if (timeoutS < 0n) return 'its timeout is negative';
  const isPast = deadlineS !== 0n && nowMs >= fromS(clampInt64(deadlineS));
  return isPast ? 'its deadline has passed' : undefined;
}

function withinTime(atMs: number): number {
  return Math.max(-END_OF_TIME_MS, Math.min(atMs, END_OF_TIME_MS));
}
