import { QueueError } from './queue-error.js';

/** The state of the task does not allow the operation, or is not the expected one. */
export class TaskStateError extends QueueError {
  readonly code = 'TASK_STATE';

  /**
   * @param state the current state
   * @param needed the states that allow it; when `state` is one of them, the task is being moved by another program
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
