import type { TaskEvent } from '../../../task/task-event.js';
import type { TaskMessage } from '../../../wire/task-message.js';
import type { Ending } from './attempt.js';

/** The event of an attempt whose outcome is stored, or could not be because the lease was lost. */
export function endingEvent(
  { id, type, queue }: TaskMessage,
  { outcome, error, durationMs }: Ending,
  nowMs: number,
): TaskEvent {
  const base = { id, type, queue, at: new Date(nowMs) };
  switch (outcome?.kind) {
    case undefined:
      return { ...base, kind: 'leaseLost' };
    case 'requeue':
      return { ...base, kind: 'requeued' };
    case 'archive':
      return { ...base, kind: 'archived', error };
    case 'retry': {
      const { retryAtMs, isFailure } = outcome;
      return { ...base, kind: 'retried', error, isFailure, nextProcessAt: new Date(retryAtMs) };
    }
    case 'done':
    case 'complete':
      return error === undefined ? { ...base, kind: 'succeeded', durationMs } : { ...base, kind: 'revoked', error };
  }
}
