import { decodeTaskMessage } from '../wire/task-message.js';
import type { TaskTemplate } from './schedule-roles.js';

/** Reads a template as it was stored; `undefined` when its message is missing or cannot be read. */
export function readTemplate(msg: Uint8Array | null, times: Omit<TaskTemplate, 'message'>): TaskTemplate | undefined {
  if (msg === null) return undefined;
  try {
    return { message: decodeTaskMessage(msg), ...times };
  } catch {
    return undefined; // the schedule shows, and a scheduler that has it stores it whole again
  }
}
