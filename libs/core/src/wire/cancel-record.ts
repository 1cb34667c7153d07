import { bindToAttempt, readBound } from './attempt-record.js';
import type { TaskMessage } from './task-message.js';

/** The outcome of a canceled attempt. `retry`: a failure like any other. */
export type CancelOutcome = 'retry' | 'archive' | 'delete';

export const CANCEL_OUTCOMES: readonly CancelOutcome[] = ['retry', 'archive', 'delete'];

/** A request to cancel an attempt, as stored in the task's hash. */
export const encodeCancelRecord = (outcome: CancelOutcome, message: TaskMessage): string =>
  bindToAttempt(outcome, message);

/** The outcome in a record, for whichever attempt; `undefined` for an unknown one, perhaps of a newer version. */
export function cancelOutcomeIn(record: string): CancelOutcome | undefined {
  const [text] = record.split(' ');
  return CANCEL_OUTCOMES.find((outcome) => outcome === text);
}

/** The outcome for the attempt that began with the message; a Go server does not remove records of other attempts. */
export function cancelOutcomeFor(message: TaskMessage, record: string): CancelOutcome | undefined {
  const outcome = readBound(record, message);
  return CANCEL_OUTCOMES.find((known) => known === outcome);
}
