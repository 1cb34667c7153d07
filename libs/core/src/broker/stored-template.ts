import { createHash } from 'node:crypto';
import { decodeTaskMessage, encodeTaskMessage } from '../wire/task-message.js';
import type { ScheduleDefinition, TaskTemplate } from './contract/schedules.js';

/** Reads a template as it was stored; `undefined` when its message is missing or cannot be read. */
export function readTemplate(msg: Uint8Array | null, times: Omit<TaskTemplate, 'message'>): TaskTemplate | undefined {
  if (msg === null) return undefined;
  try {
    return { message: decodeTaskMessage(msg), ...times };
  } catch {
    return undefined; // the schedule shows, and a scheduler that has it stores it whole again
  }
}

/** Equal for definitions that fire the same tasks at the same times: lower-case hex. */
export function digestOf({ spec, template }: Pick<ScheduleDefinition, 'spec' | 'template'>): string {
  const { message, processAtMs, processInMs, uniqueTtlMs } = template;
  const text = JSON.stringify([spec, processAtMs, processInMs, uniqueTtlMs]);
  return createHash('sha256').update(text).update(encodeTaskMessage(message)).digest('hex');
}
