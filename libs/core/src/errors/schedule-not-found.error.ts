import { QueueError } from './queue-error.js';

/** The scheduler has no entry of this name. */
export class ScheduleNotFoundError extends QueueError {
  readonly code = 'SCHEDULE_NOT_FOUND';

  constructor(
    readonly scheduleName: string,
    known: readonly string[],
  ) {
    super(`no periodic task is named "${scheduleName}" (known: ${known.join(', ') || 'none'})`);
  }
}
