import { QueueError } from './queue-error.js';

/** The task is in a state in which this cannot be done with it, or not in the one that was expected. */
export class TaskStateError extends QueueError {
  readonly code = 'TASK_STATE';

  /**
   * @param state where the task is
   * @param needed where it would have to be; when `state` is one of them, somebody moves the task at this moment
   */
  constructor(
    readonly queue: string,
    readonly taskId: string,
    readonly state: string,
    readonly needed: readonly string[],
  ) {
    const reason = needed.includes(state) ? 'but it is being moved or merged' : `needed: ${needed.join(' or ')}`;
    super(`task ${taskId} in queue "${queue}" is ${state}; ${reason}`);
  }
}
