import { QueueNotFoundError } from '@nestjs-asynq/core';
import type { TaskInspector } from '../inspector/task-inspector.service.js';
import type { QueueLimits } from './health.options.js';

const HOUR_MS = 3_600_000;

/** What a queue exceeds, as text; empty when it is within its limits. @throws {RedisCommandError} it cannot be read */
export async function excessesOf(
  inspector: Pick<TaskInspector, 'queueInfo' | 'archivedSince'>,
  { queue, latencyMs, size, archivedPerHour }: QueueLimits,
  nowMs: number,
): Promise<string[]> {
  const info = await inspector.queueInfo(queue).catch((error: unknown) => {
    if (error instanceof QueueNotFoundError) return undefined;
    throw error;
  });
  if (!info || info.isPaused) return [];
  const excesses: string[] = [];
  if (latencyMs !== undefined && info.latencyMs > latencyMs) {
    excesses.push(`its oldest task has waited for ${Math.round(info.latencyMs)} ms, more than ${latencyMs}`);
  }
  const waiting = info.size - info.completed - info.archived;
  if (size !== undefined && waiting > size) excesses.push(`it has ${waiting} tasks, more than ${size}`);
  if (archivedPerHour !== undefined) {
    const archived = await inspector.archivedSince(queue, new Date(nowMs - HOUR_MS));
    if (archived > archivedPerHour) {
      excesses.push(`${archived} tasks were archived in an hour, more than ${archivedPerHour}`);
    }
  }
  return excesses.map((excess) => `queue "${queue}": ${excess}`);
}
