import { QUEUE_ALARMS, type ServerInfo } from '@nestjs-asynq/core';
import type { Trouble } from '../api/queues.js';
import { WorkSlices } from '../slices/work-slices.js';
import type { QueueHistory, QueueReading } from './queue-reading.js';

const { waitMs, longWaitMs, longPauseMs, fewAttempts, failedShare } = QUEUE_ALARMS;
const MOST_FAIL = 0.5;

const WEIGHTS = { high: 3, medium: 2, low: 1 } as const;

/** What is wrong with a queue, worst first. */
export function troublesOf(
  { info, error }: QueueReading,
  history: QueueHistory | undefined,
  servers: number | undefined,
  nowMs: number,
): Trouble[] {
  const troubles: Trouble[] = [];
  const { pending, retry, scheduled, isPaused, pausedAt, latencyMs, overdueMs, wrongTypeKeys } = info;
  if (wrongTypeKeys.length > 0) {
    troubles.push({ severity: 'high', code: 'wrongType', keys: wrongTypeKeys.slice(0, 10) });
  }
  const waiting = pending + retry + scheduled;
  if (servers === 0 && waiting > 0) {
    troubles.push({ severity: pending > 0 ? 'high' : 'medium', code: 'unserved', count: waiting });
  }
  // A pause does not keep due tasks from becoming pending.
  if (overdueMs >= waitMs) {
    troubles.push({ severity: overdueMs >= longWaitMs ? 'high' : 'medium', code: 'overdue', forMs: overdueMs });
  }
  if (isPaused) {
    const forMs = pausedAt && Math.max(0, nowMs - pausedAt.getTime());
    troubles.push({ severity: (forMs ?? 0) >= longPauseMs ? 'medium' : 'low', code: 'paused', forMs });
  }
  if (latencyMs >= waitMs) {
    const severity = isPaused ? 'low' : latencyMs >= longWaitMs ? 'high' : 'medium';
    troubles.push({ severity, code: 'waiting', forMs: latencyMs });
  }
  const failing = failingShare(info, history, nowMs);
  if (failing) troubles.push({ severity: failing.share >= MOST_FAIL ? 'high' : 'medium', code: 'failing', ...failing });
  const archived = history?.archivedLately(nowMs) ?? 0;
  if (archived > 0) troubles.push({ severity: 'medium', code: 'archived', count: archived });
  if (error !== undefined) troubles.push({ severity: 'high', code: 'unread', message: error });
  return troubles.toSorted((a, b) => WEIGHTS[b.severity] - WEIGHTS[a.severity]);
}

/** Higher is worse; 0: all is well. */
export function weightOf(troubles: readonly Trouble[]): number {
  const [worst] = troubles;
  return worst === undefined ? 0 : WEIGHTS[worst.severity] * 100 + Math.min(troubles.length, 99);
}

function failingShare(
  { processedToday, failedToday }: QueueReading['info'],
  history: QueueHistory | undefined,
  nowMs: number,
): { share: number; failed: number } | undefined {
  const { processed, failed } = history?.attemptsLately(nowMs) ?? { processed: processedToday, failed: failedToday };
  if (processed < fewAttempts || failed / processed < failedShare) return undefined;
  return { share: failed / processed, failed };
}

/** How many running servers serve each queue. */
export async function serversByQueue(servers: readonly ServerInfo[]): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  const slices = new WorkSlices();
  for (const { queues, status } of servers) {
    if (status !== 'active') continue;
    for (const queue of Object.keys(queues)) {
      await slices.take();
      counts.set(queue, (counts.get(queue) ?? 0) + 1);
    }
  }
  return counts;
}
