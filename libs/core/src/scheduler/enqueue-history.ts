import type { PresenceOps } from '../broker/contract/presence.js';
import type { LoopDeps } from '../runtime/loop.js';
import type { PeriodicEntry } from './periodic-entry.js';

/**
 * Notes in the history of an entry that its task was enqueued. Never rejects: a history may lie on another node of a cluster
 * than the queue, and the task is enqueued without it.
 */
export async function noteEnqueued(
  broker: Pick<PresenceOps, 'recordEnqueueEvent'>,
  { id, name }: PeriodicEntry,
  taskId: string,
  { clock, logger }: LoopDeps,
): Promise<void> {
  try {
    await broker.recordEnqueueEvent(id, { taskId, enqueuedAtNs: clock.nowNs() });
  } catch (error) {
    logger.warn(`could not note in the history of "${name}" that task ${taskId} was enqueued`, { error });
  }
}
