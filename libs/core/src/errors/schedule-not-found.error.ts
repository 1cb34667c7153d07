import { QueueError } from './queue-error.js';

/** There is no schedule of this name in the scheduler, or stored in the queue. */
export class ScheduleNotFoundError extends QueueError {
  readonly code = 'SCHEDULE_NOT_FOUND';

  constructor(
    readonly scheduleName: string,
    /** A similar known name. */
    readonly nearest: string | undefined,
    /** The queue that was searched; `undefined`: the plan of a scheduler. */
    readonly queue?: string,
  ) {
    const what = `no periodic task ${queue === undefined ? '' : `of queue "${queue}" `}is named "${scheduleName}"`;
    super(nearest === undefined ? what : `${what}; did you mean "${nearest}"?`);
  }
}
