import type { ListOps } from '../broker/contract/lists.js';
import type { CancelOutcome } from '../wire/cancel-record.js';
import type { WaitOps } from '../broker/contract/waiting.js';
import { TaskStateError } from '../errors/task-state.error.js';
import type { TaskMover } from './task-mover.js';

/** Maximum number of attempts when the task is moved between the lookup and the operation. */
const ATTEMPTS = 3;

/** The result of canceling a task: requested from its server, or applied at once to a task that was not running. */
export type CancelReply = 'requested' | 'archived' | 'deleted' | 'unchanged';

/** Cancels tasks in every state. */
export class TaskCanceler {
  constructor(
    private readonly broker: Pick<ListOps, 'findTask'> & Pick<WaitOps, 'requestCancel'>,
    private readonly mover: TaskMover,
  ) {}

  async cancel(queue: string, taskId: string, outcome: CancelOutcome): Promise<CancelReply> {
    for (let attempt = 1; ; attempt++) {
      if (await this.broker.requestCancel(queue, taskId, outcome)) return 'requested';
      try {
        return await this.cancelWaiting(queue, taskId, outcome);
      } catch (error) {
        const hasBegun = error instanceof TaskStateError && error.state === 'active';
        if (!hasBegun || attempt === ATTEMPTS) throw error;
      }
    }
  }

  private async cancelWaiting(queue: string, taskId: string, outcome: CancelOutcome): Promise<CancelReply> {
    const task = await this.broker.findTask(queue, taskId);
    if (!task) throw await this.mover.notFound(queue, taskId);
    const { state } = task;
    if (state === 'active') throw new TaskStateError(queue, taskId, state, [state]);
    // It has already succeeded, and its result may be awaited.
    if (state === 'completed') return 'unchanged';
    if (outcome === 'retry' || (outcome === 'archive' && state === 'archived')) return 'unchanged';
    await this.mover.move(queue, taskId, outcome, {});
    return outcome === 'archive' ? 'archived' : 'deleted';
  }
}
