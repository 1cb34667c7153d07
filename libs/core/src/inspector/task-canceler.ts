import type { ListOps } from '../broker/contract/lists.js';
import type { CancelOutcome } from '../wire/cancel-record.js';
import type { WaitOps } from '../broker/contract/waiting.js';
import { TaskStateError } from '../errors/task-state.error.js';
import type { TaskMover } from './task-mover.js';

/** How often a task is looked up again when it was moved between the look and the act. */
const ATTEMPTS = 3;

/** What canceling a task came to: its server was asked, or it did not run and was dealt with at once, or was left. */
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
    // Its success came first, and may be what others wait for.
    if (state === 'completed') return 'unchanged';
    if (outcome === 'retry' || (outcome === 'archive' && state === 'archived')) return 'unchanged';
    await this.mover.move(queue, taskId, outcome, {});
    return outcome === 'archive' ? 'archived' : 'deleted';
  }
}
