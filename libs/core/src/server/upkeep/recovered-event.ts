import type { RecoveredTask } from '../../broker/contract/recover.js';
import type { TaskEvent } from '../../task/task-event.js';

/** The event of a task whose worker was lost. */
export function recoveredEvent({ message, crashes, outcome }: RecoveredTask, nowMs: number): TaskEvent {
  const { id, type, queue } = message;
  return { id, type, queue, at: new Date(nowMs), kind: 'recovered', crashes, outcome };
}
