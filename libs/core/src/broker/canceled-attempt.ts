import type { CancelOutcome } from '../wire/cancel-record.js';
import type { TaskMessage } from '../wire/task-message.js';
import { MAX_RETRY_DELAY_MS } from '../task/retry-delay.js';
import type { RecoveredTask } from './contract/recover.js';
import type { Outcome } from './contract/settle.js';
import { settledMessage } from './settled-message.js';

/** How a canceled attempt ends when its server died before it could end it. */
export function canceledOutcome(
  message: TaskMessage,
  cancelOutcome: CancelOutcome,
  error: string,
  nowMs: number,
): Outcome {
  const { retried, maxRetry } = message;
  if (cancelOutcome === 'delete') return { kind: 'done' };
  if (cancelOutcome === 'archive' || retried >= maxRetry) return { kind: 'archive', error };
  // asynq's default delay without jitter: there is one task to delay, and the user's `retryDelay` is not available here.
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
