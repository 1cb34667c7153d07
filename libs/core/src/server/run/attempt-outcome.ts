import type { LeasedTask, Outcome } from '../../broker/roles.js';
import { TaskCanceledError } from '../../errors/attempt-aborted.error.js';
import { HandlerNotFoundError } from '../../errors/handler-not-found.error.js';
import type { Logger } from '../../runtime/logger.js';
import { defaultRetryDelay, MAX_RETRY_DELAY_MS, type RetryDelay } from '../../task/retry-delay.js';
import { findSignal, RevokeTask } from '../../task/signals.js';
import { taskFields } from '../../task/task-fields.js';

/** How a failed attempt is judged. */
export interface FailurePolicy {
  readonly retryDelay: RetryDelay;
  readonly isFailure: (error: unknown) => boolean;
  readonly unknownTypeDelayMs: number;
  readonly unknownTypeTimeoutMs: number;
  readonly logger: Logger;
}

/**
 * What becomes of a task whose attempt failed with `error`, in asynq's order (0.25 and later):
 *
 * 1. `RevokeTask`: it is done with.
 * 2. No server knows its type: it goes back uncounted, and is archived once that has lasted too long. (asynq would
 *    burn a retry each time.)
 * 3. It was canceled with a wish to archive or to delete it: so be it.
 * 4. `SkipRetry`, or no retry is left: archived. The latter even when `isFailure` says `false`, as in asynq: a task
 *    that ran out of retries does not go on for ever on uncounted ones.
 * 5. Else it is retried; counted unless `isFailure` says `false`.
 */
export function failureOutcome(task: LeasedTask, error: unknown, policy: FailurePolicy, nowMs: number): Outcome {
  const { message } = task;
  const signal = findSignal(error);
  const text = errorText(error);
  if (signal instanceof RevokeTask) return { kind: 'done' };
  if (error instanceof HandlerNotFoundError) return unknownTypeOutcome(task, text, policy, nowMs);
  if (error instanceof TaskCanceledError && error.outcome === 'delete') return { kind: 'done' };
  if (error instanceof TaskCanceledError && error.outcome === 'archive') return { kind: 'archive', error: text };
  if (signal || message.retried >= message.maxRetry) return { kind: 'archive', error: text };
  const retryAtMs = nowMs + retryDelayMs(task, error, policy);
  return { kind: 'retry', retryAtMs, error: text, isFailure: isFailure(task, error, policy) };
}

/** What is stored of an error: its message, in valid Unicode. */
export function errorText(error: unknown): string {
  try {
    const text = error instanceof Error ? error.message || error.name : String(error);
    return text.toWellFormed();
  } catch {
    return 'an error that has no text'; // its toString threw
  }
}

function unknownTypeOutcome(task: LeasedTask, text: string, policy: FailurePolicy, nowMs: number): Outcome {
  const sinceMs = task.unknownTypeSinceMs ?? nowMs;
  if (nowMs - sinceMs >= policy.unknownTypeTimeoutMs) return { kind: 'archive', error: text };
  const retryAtMs = nowMs + policy.unknownTypeDelayMs;
  return { kind: 'retry', retryAtMs, error: text, isFailure: false, unknownTypeSinceMs: sinceMs };
}

/** A function of the user's that fails or answers nonsense must not cost the task its retry. */
function retryDelayMs({ message }: LeasedTask, error: unknown, { retryDelay, logger }: FailurePolicy): number {
  let delayMs = NaN;
  try {
    delayMs = retryDelay(message.retried, error, message);
    if (typeof delayMs !== 'number' || Number.isNaN(delayMs)) throw new TypeError(`it returned ${String(delayMs)}`);
  } catch (cause) {
    logger.error('retryDelay failed; the default delay applies', { ...taskFields(message), error: cause });
    delayMs = defaultRetryDelay(message.retried, error, message);
  }
  return Math.min(Math.max(0, delayMs), MAX_RETRY_DELAY_MS);
}

function isFailure({ message }: LeasedTask, error: unknown, policy: FailurePolicy): boolean {
  try {
    return policy.isFailure(error);
  } catch (cause) {
    policy.logger.error('isFailure failed; the error counts as a failure', { ...taskFields(message), error: cause });
    return true;
  }
}
