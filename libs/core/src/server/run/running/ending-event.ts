import type { TaskEvent } from '../../../task/task-event.js';
import type { TaskMessage } from '../../../wire/task-message.js';
import type { Ending } from './attempt.js';
import { archiveReason } from './attempt-outcome.js';

/** The event of an attempt whose outcome is stored, or could not be because the lease was lost. */
export function endingEvent(message: TaskMessage, { outcome, error, durationMs }: Ending, nowMs: number): TaskEvent {
  const { id, type, queue } = message;
  const base = { id, type, queue, at: new Date(nowMs) };
  switch (outcome?.kind) {
    case undefined:
      return { ...base, kind: 'leaseLost', durationMs };
    case 'requeue':
      return { ...base, kind: 'requeued' };
    case 'archive':
      return { ...base, kind: 'archived', error, reason: archiveReason(message, error, nowMs), durationMs };
    case 'retry': {
      const { retryAtMs, isFailure } = outcome;
      return { ...base, kind: 'retried', error, isFailure, nextProcessAt: new Date(retryAtMs), durationMs };
    }
    case 'done':
    case 'complete':
      return error === undefined
        ? { ...base, kind: 'succeeded', durationMs }
        : { ...base, kind: 'revoked', error, durationMs };
  }
}
