import { bindToAttempt, readBound } from '../wire/attempt-record.js';
import type { TaskMessage } from '../wire/task-message.js';
import { MAX_RETRY_DELAY_MS } from '../task/retry-delay.js';
import type { RecoveredTask } from './contract/recover.js';
import type { Outcome } from './contract/settle.js';
import { CANCEL_OUTCOMES, type CancelOutcome } from './contract/waiting.js';
import { settledMessage } from './settled-message.js';

/** A wish as it lies in the task's hash. */
export const encodeCancelRecord = (wish: CancelOutcome, message: TaskMessage): string => bindToAttempt(wish, message);

/** What is wished of whatever attempt runs now; `undefined` for a wish that a newer version may know. */
export function wishIn(record: string): CancelOutcome | undefined {
  const [text] = record.split(' ');
  return CANCEL_OUTCOMES.find((wish) => wish === text);
}

/** What is wished of the attempt that began with the message; a Go server leaves the wishes of others behind. */
export function wishFor(message: TaskMessage, record: string): CancelOutcome | undefined {
  const wish = readBound(record, message);
  return CANCEL_OUTCOMES.find((known) => known === wish);
}

/** How an attempt ends as wished, when its server died before it could say. */
export function wishedOutcome(message: TaskMessage, wish: CancelOutcome, error: string, nowMs: number): Outcome {
  const { retried, maxRetry } = message;
  if (wish === 'delete') return { kind: 'done' };
  if (wish === 'archive' || retried >= maxRetry) return { kind: 'archive', error };
  // asynq's default delay without its jitter: there is no crowd to spread, and no user's function here.
  const delayMs = Math.min((retried ** 4 + 15) * 1000, MAX_RETRY_DELAY_MS);
  return { kind: 'retry', retryAtMs: nowMs + delayMs, error, isFailure: true };
}

const RECOVERED_AS = {
  done: 'deleted',
  complete: 'deleted',
  archive: 'archived',
  retry: 'retried',
  requeue: 'requeued',
} as const;

export function asRecovered(message: TaskMessage, outcome: Outcome, crashes: number, nowMs: number): RecoveredTask {
  return { message: settledMessage(message, outcome, nowMs), crashes, outcome: RECOVERED_AS[outcome.kind] };
}
