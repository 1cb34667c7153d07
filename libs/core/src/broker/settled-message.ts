import type { TaskMessage } from '../wire/task-message.js';
import { floorS } from '../wire/unix-time.js';
import type { Outcome } from './contract/settle.js';

/** asynq's error text for a lost worker. */
export const LEASE_EXPIRED = 'asynq: task lease expired';

/** The message to store for a task whose attempt ended: the rules of asynq, the same for every broker. */
export function settledMessage(message: TaskMessage, outcome: Outcome, nowMs: number): TaskMessage {
  const nowS = BigInt(floorS(nowMs));
  switch (outcome.kind) {
    case 'complete':
      return { ...message, completedAtS: nowS }; // an earlier attempt's error stays, as in asynq
    case 'retry':
      if (outcome.unknownTypeSinceMs !== undefined) return { ...message, errorMsg: outcome.error }; // no attempt was made
      return {
        ...message,
        errorMsg: outcome.error,
        lastFailedAtS: nowS, // also when it was not a failure
        retried: message.retried + (outcome.isFailure ? 1 : 0),
      };
    case 'archive':
      return { ...message, errorMsg: outcome.error, lastFailedAtS: nowS };
    case 'done':
    case 'requeue':
      return message;
  }
}
