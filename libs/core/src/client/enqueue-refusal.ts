import type { EnqueueOutcome, NewTask } from '../broker/contract/enqueue.js';
import type { FinishReply } from '../broker/contract/groups.js';
import { DuplicateTaskError } from '../errors/duplicate-task.error.js';
import { TaskIdConflictError } from '../errors/task-id-conflict.error.js';

/** The error for the caller when the broker refused a new task; `undefined`: accepted. */
export function enqueueRefusal({ message }: NewTask, outcome: EnqueueOutcome | FinishReply): Error | undefined {
  const { id, queue, type } = message;
  switch (outcome.status) {
    case 'idConflict':
      return new TaskIdConflictError(queue, id);
    case 'duplicate':
      return new DuplicateTaskError(queue, type, outcome.holderId);
    case 'failed':
      return outcome.error;
    default:
      return undefined;
  }
}
