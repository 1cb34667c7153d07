import type { EnqueueOutcome, NewTask } from '../broker/contract/enqueue.js';
import type { FinishReply } from '../broker/contract/groups.js';
import { DuplicateTaskError } from '../errors/duplicate-task.error.js';
import { placeOf } from '../partitions/partition-name.js';
import { TaskIdConflictError } from '../errors/task-id-conflict.error.js';

/** The error for the caller when the broker refused a new task; `undefined`: accepted. */
export function enqueueRefusal({ message }: NewTask, outcome: EnqueueOutcome | FinishReply): Error | undefined {
  switch (outcome.status) {
    case 'idConflict':
      return new TaskIdConflictError(placeOf(message.queue).queue, message.id);
    case 'duplicate':
      return new DuplicateTaskError(placeOf(message.queue).queue, message.type, outcome.holderId);
    case 'failed':
      return outcome.error;
    default:
      return undefined;
  }
}
