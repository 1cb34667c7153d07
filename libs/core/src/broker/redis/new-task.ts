import { encodeTaskMessage } from '../../wire/task-message.js';
import { ceilS } from '../../wire/unix-time.js';
import type { NewTask } from '../contract/enqueue.js';

/** Whether a new task waits for its time: one whose time has come by now runs at once. */
export const isDelayed = ({ processAtMs }: NewTask, nowMs: number): boolean =>
  processAtMs !== undefined && processAtMs > nowMs;

/** A new task as `include/new-task.lua` reads it. */
export function newTaskArgs(task: NewTask, nowMs: number, encoded?: Uint8Array) {
  const { message, processAtMs = 0, uniqueTtlS = 0 } = task;
  return {
    taskId: message.id,
    message: encoded ?? encodeTaskMessage(message),
    processAtS: isDelayed(task, nowMs) ? ceilS(processAtMs) : 0,
    dueAtMs: Math.ceil(processAtMs),
    groupName: message.groupKey,
    uniqueTtlS,
  };
}
