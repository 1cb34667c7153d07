import { encodeTaskMessage } from '../../wire/task-message.js';
import { ceilS } from '../../wire/unix-time.js';
import type { NewTask } from '../contract/enqueue.js';

/** Whether a new task has to wait for its start time; one that is already due runs at once. */
export const isDelayed = ({ processAtMs }: NewTask, nowMs: number): boolean =>
  processAtMs !== undefined && processAtMs > nowMs;

/** The arguments of a new task, as `include/new-task.lua` reads them. */
export function newTaskArgs(task: NewTask, nowMs: number, encoded?: Uint8Array) {
  const { message, processAtMs = 0, uniqueTtlS = 0, backoff = '' } = task;
  return {
    taskId: message.id,
    message: encoded ?? encodeTaskMessage(message),
    processAtS: isDelayed(task, nowMs) ? ceilS(processAtMs) : 0,
    dueAtMs: Math.ceil(processAtMs),
    groupName: message.groupKey,
    uniqueTtlS,
    backoff,
  };
}
