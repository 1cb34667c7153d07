import type { PresenceOps } from '../broker/contract/presence.js';
import type { LoopDeps } from '../runtime/loop.js';

/**
 * Records the enqueueing of a task in the history of a scheduler's entry. Never rejects: the task is enqueued even if the
 * history, which may be stored on another cluster node than the queue, cannot be written.
 */
export async function noteEnqueued(
  broker: Pick<PresenceOps, 'recordEnqueueEvent'>,
  { id, name }: { readonly id: string; readonly name: string },
  taskId: string,
  { clock, logger }: LoopDeps,
): Promise<void> {
  try {
    await broker.recordEnqueueEvent(id, { taskId, enqueuedAtNs: clock.nowNs() });
  } catch (error) {
    logger.warn(`could not record the enqueueing of task ${taskId} in the history of "${name}"`, { error });
  }
}
