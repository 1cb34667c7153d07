import type { LeasedTask } from '../../../broker/contract/lease.js';
import type { Outcome } from '../../../broker/contract/settle.js';
import { TaskCanceledError } from '../../../errors/attempt-aborted.error.js';
import { isInstance } from '../../../errors/as-error.js';
import { errorText } from '../../../errors/error-text.js';
import { HandlerNotFoundError } from '../../../errors/handler-not-found.error.js';
import type { Logger } from '../../../runtime/logger.js';
import { dropPromise } from '../../../runtime/user-callback.js';
import { defaultRetryDelay, MAX_RETRY_DELAY_MS, type RetryDelay } from '../../../task/retry-delay.js';
import { findSignal, RevokeTask, type SkipRetry } from '../../../task/signals.js';
import type { ArchiveReason } from '../../../task/task-event.js';
import { taskFields } from '../../../task/task-fields.js';
import type { TaskMessage } from '../../../wire/task-message.js';
import { hopelessReason } from './attempt-deadline.js';

/** The options that decide the outcome of a failed attempt. */
export interface FailurePolicy {
  readonly retryDelay: RetryDelay;
  readonly isFailure: (error: unknown) => boolean;
  readonly unknownTypeDelayMs: number;
  readonly unknownTypeTimeoutMs: number;
}

/** With a logger, for functions that fail. */
export interface LoggedPolicy extends FailurePolicy {
  readonly logger: Logger;
}

/**
 * The outcome of an attempt that failed with `error`, checked in asynq's order (0.25 and later):
 *
 * 1. `RevokeTask`: dropped.
 * 2. It was canceled with the outcome `archive` or `delete`: that outcome.
 * 3. `SkipRetry`: archived. So is a task past its deadline, since no attempt can succeed any more. (asynq would use up
 * its retries, one by one.)
 * 4. No handler knows its type: retried, uncounted, and archived after `unknownTypeTimeout`. (asynq would use up a
 * retry each time.)
 * 5. No retry is left: archived, even when `isFailure` returns `false`, as in asynq: a task that is out of retries must
 * not continue forever with uncounted ones.
 * 6. Otherwise: retried; counted unless `isFailure` returns `false`.
 */
export function failureOutcome(task: LeasedTask, error: unknown, policy: LoggedPolicy, nowMs: number): Outcome {
  const { message } = task;
  const signal = findSignal(error);
  const text = errorText(error);
  if (signal instanceof RevokeTask) return { kind: 'done' };
  const wanted = isInstance(error, TaskCanceledError) ? error.outcome : undefined;
  if (wanted === 'delete') return { kind: 'done' };
  if (wanted === 'archive') return { kind: 'archive', error: text };
  if (signal) return { kind: 'archive', error: skipText(error, signal) };
  const hopeless = hopelessReason(message, nowMs);
  if (hopeless) return { kind: 'archive', error: errorText(`${text}: ${hopeless}`) };
  if (isInstance(error, HandlerNotFoundError)) return unknownTypeOutcome(task, text, policy, nowMs);
  if (message.retried >= message.maxRetry) return { kind: 'archive', error: text };
  const retryAtMs = nowMs + retryDelayMs(task, error, policy);
  return { kind: 'retry', retryAtMs, error: text, isFailure: isFailure(task, error, policy) };
}

/** Why {@link failureOutcome} archived a task, by the same order of checks. */
export function archiveReason(message: TaskMessage, error: unknown, nowMs: number): ArchiveReason {
  if (isInstance(error, TaskCanceledError) && error.outcome === 'archive') return 'canceled';
  if (findSignal(error)) return 'skipRetry';
  if (hopelessReason(message, nowMs)) return 'deadline';
  return isInstance(error, HandlerNotFoundError) ? 'unknownType' : 'exhausted';
}

const SKIP_TEXT = 'skip retry for the task';

/** As in Go, which joins the messages of wrapped errors: `no such user: skip retry for the task`. */
function skipText(error: unknown, signal: SkipRetry): string {
  const texts = [errorText(error)];
  for (const text of error === signal ? [SKIP_TEXT] : [errorText(signal), SKIP_TEXT]) {
    if (!texts.at(-1)!.endsWith(text)) texts.push(text);
  }
  return errorText(texts.join(': '));
}

function unknownTypeOutcome(task: LeasedTask, text: string, policy: FailurePolicy, nowMs: number): Outcome {
  const sinceMs = task.unknownTypeSinceMs ?? nowMs;
  if (nowMs - sinceMs >= policy.unknownTypeTimeoutMs) return { kind: 'archive', error: text };
  const retryAtMs = nowMs + policy.unknownTypeDelayMs;
  return { kind: 'retry', retryAtMs, error: text, isFailure: false, unknownTypeSinceMs: sinceMs };
}

/** A user's function that fails or returns an invalid value must not cost the task its retry. */
function retryDelayMs({ message }: LeasedTask, error: unknown, { retryDelay, logger }: LoggedPolicy): number {
  try {
    const delayMs: unknown = retryDelay(message.retried, error, message);
    if (typeof delayMs !== 'number' || !Number.isFinite(delayMs) || delayMs < 0) {
      throw wrongAnswer(delayMs, 'a number of milliseconds, at least 0');
    }
    return Math.min(delayMs, MAX_RETRY_DELAY_MS);
  } catch (cause) {
    if (!failedDelays.has(retryDelay)) {
      failedDelays.add(retryDelay);
      const effect = 'the default delay applies, also when it fails again, which is not logged';
      logger.error(`retryDelay failed; ${effect}`, { ...taskFields(message), error: cause });
    }
    return defaultRetryDelay(message.retried, error, message);
  }
}

/** Functions whose failure was logged: one line per function, since each retry of each task calls it. */
const failedDelays = new WeakSet<RetryDelay>();

function isFailure({ message }: LeasedTask, error: unknown, policy: LoggedPolicy): boolean {
  try {
    const answer: unknown = policy.isFailure(error);
    if (typeof answer !== 'boolean') throw wrongAnswer(answer, 'true or false');
    return answer;
  } catch (cause) {
    policy.logger.error('isFailure failed; the error counts as a failure', { ...taskFields(message), error: cause });
    return true;
  }
}

/** A promise is not awaited: the attempt has ended and left its slot. */
function wrongAnswer(answer: unknown, expected: string): TypeError {
  const isPlain = answer === undefined || answer === null || typeof answer === 'number';
  const given = dropPromise(answer) ? 'a promise' : isPlain ? String(answer) : `a ${typeof answer}`;
  return new TypeError(`it returned ${given}, not ${expected}`);
}
