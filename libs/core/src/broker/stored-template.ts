import { createHash } from 'node:crypto';
import { decodeTaskMessage, encodeTaskMessage } from '../wire/task-message.js';
import type { ScheduleDefinition, ScheduleId, TaskTemplate } from './contract/schedules.js';

/** Reads a stored template; `undefined` when its message is missing or cannot be read. */
export function readTemplate(msg: Uint8Array | null, times: Omit<TaskTemplate, 'message'>): TaskTemplate | undefined {
  if (msg === null) return undefined;
  try {
    return { message: decodeTaskMessage(msg), ...times };
  } catch {
    return undefined; // the schedule is still listed, and a scheduler that registers it stores it again
  }
}

/** Equal for definitions that fire the same tasks at the same times: lower-case hex. */
export function digestOf({ spec, catchUp, template }: Omit<ScheduleDefinition, keyof ScheduleId>): string {
  const { message, processAtMs, processInMs, uniqueTtlMs, backoff } = template;
  const later = backoff === undefined ? [] : [backoff]; // the digests of all others stay as they were
  const text = JSON.stringify([spec, catchUp ?? 'skip', processAtMs, processInMs, uniqueTtlMs, ...later]);
  const headers = Object.fromEntries(Object.entries(message.headers).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  return createHash('sha256')
    .update(text)
    .update(encodeTaskMessage({ ...message, headers }))
    .digest('hex');
}
