import type { NewTask } from '../broker/contract/enqueue.js';
import type { TaskEvent } from '../task/task-event.js';
import type { EnqueuedTask } from '../task/task-handle.js';

type InitialState = EnqueuedTask['initialState'];

/** When a task that was written at `nowMs` may start. */
export const nextProcessAt = ({ processAtMs }: NewTask, initialState: InitialState, nowMs: number): Date =>
  new Date(initialState === 'scheduled' ? processAtMs! : nowMs);

/** @param initialState as returned by the broker */
export function enqueuedEvent(task: NewTask, initialState: InitialState, nowMs: number): TaskEvent {
  const { id, queue, type } = task.message;
  const startsAt = nextProcessAt(task, initialState, nowMs);
  return { id, queue, type, kind: 'enqueued', state: initialState, nextProcessAt: startsAt, at: new Date(nowMs) };
}
