import type { NewTask } from '../broker/contract/enqueue.js';
import type { EnqueuedTask } from '../task/task-handle.js';
import type { TaskEvent } from '../task/task-event.js';

/** What there is to say of a task that was written, whoever wrote it. */
export type EnqueuedFacts = Omit<EnqueuedTask, 'state' | 'wait' | 'result'>;

/** @param initialState as the broker answered */
export function enqueuedFacts(
  { message: { id, queue, type }, processAtMs }: NewTask,
  initialState: EnqueuedTask['initialState'],
  nowMs: number,
): EnqueuedFacts {
  const nextProcessAt = new Date(initialState === 'scheduled' ? processAtMs! : nowMs);
  return { id, queue, type, initialState, nextProcessAt };
}

export function enqueuedEvent({ initialState: state, ...facts }: EnqueuedFacts, nowMs: number): TaskEvent {
  return { ...facts, kind: 'enqueued', state, at: new Date(nowMs) };
}
