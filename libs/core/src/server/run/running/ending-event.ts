import type { TaskEvent } from '../../../task/task-event.js';
import type { TaskMessage } from '../../../wire/task-message.js';
import type { Ending } from './attempt.js';
import { archiveReason } from './attempt-outcome.js';

/** The event of an attempt whose outcome is stored, or could not be because the lease was lost. */
export function endingEvent(message: TaskMessage, { outcome, error, durationMs }: Ending, nowMs: number): TaskEvent {
  const { id, type, queue } = message;
  const at = new Date(nowMs);
  switch (outcome?.kind) {
    case undefined:
      return { kind: 'leaseLost', id, type, queue, at, durationMs };
    case 'requeue':
      return { kind: 'requeued', id, type, queue, at };
    case 'archive': {
      const reason = archiveReason(message, error, nowMs);
      return { kind: 'archived', id, type, queue, at, error, reason, durationMs };
    }
    case 'retry': {
      const { retryAtMs, isFailure } = outcome;
      const nextProcessAt = new Date(retryAtMs);
      return { kind: 'retried', id, type, queue, at, error, isFailure, nextProcessAt, durationMs };
    }
    case 'done':
    case 'complete':
      return error === undefined
        ? { kind: 'succeeded', id, type, queue, at, durationMs }
        : { kind: 'revoked', id, type, queue, at, error, durationMs };
  }
}
