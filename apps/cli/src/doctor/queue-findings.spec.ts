import type { QueueInfo, TaskInfo, WorkerInfo } from '@nestjs-asynq/core';
import { describe, expect, it } from 'vitest';
import { queueFindings, type QueueReading } from './queue-findings.js';

const nowMs = Date.parse('2026-03-05T12:00:00Z');
const healthy: QueueReading = {
  info: {
    queue: 'mail',
    pending: 0,
    scheduled: 0,
    retry: 0,
    archived: 0,
    latencyMs: 0,
    overdueMs: 0,
    isPaused: false,
  } as QueueInfo,
  flow: { servers: 2, slots: 10, busySlots: 3, running: [] },
  nowMs,
  rates: undefined,
  orphans: 0,
  archivedLately: [],
  unknownTypes: [],
};

/** The codes of what is found when this differs from a healthy queue. */
function findings(info: Partial<QueueInfo>, others: Partial<QueueReading> = {}): string[] {
  const whole = { ...healthy.info, wrongTypeKeys: [], processedToday: 0, failedToday: 0, ...info };
  return queueFindings({ ...healthy, ...others, info: whole }).map(({ code, severity }) => `${code} ${severity}`);
}

const running = (taskType: string): WorkerInfo => ({ taskType }) as WorkerInfo;
const task = (fields: Partial<TaskInfo>): TaskInfo => ({ type: 'email', lastError: '', ...fields }) as TaskInfo;
const nobody = { servers: 0, slots: 0, busySlots: 0, running: [] };
const full = { servers: 1, slots: 2, busySlots: 2, running: [running('video'), running('video')] };

describe('a queue', () => {
  it.each<[string, Partial<QueueInfo>, Partial<QueueReading>, string[]]>([
    ['is healthy', { pending: 5, latencyMs: 900 }, {}, []],
    ['has nobody who serves it', { pending: 5 }, { flow: nobody }, ['unserved high']],
    ['has nobody, and later tasks', { scheduled: 5 }, { flow: nobody }, ['unserved medium']],
    ['has nobody, and no tasks', { archived: 3 }, { flow: nobody }, []],
    ['is paused', { isPaused: true, pausedAt: new Date(nowMs - 60_000) }, {}, ['paused medium']],
    ['is forgotten', { isPaused: true, pausedAt: new Date(nowMs - 7_200_000), pending: 1 }, {}, ['paused high']],
    ['has no free slot', { pending: 5 }, { flow: full }, ['saturated high']],
    ['is far behind', { pending: 5, latencyMs: 600_000 }, {}, ['waiting high']],
    ['has due tasks that nobody moves', { overdueMs: 60_000 }, {}, ['overdue high']],
    ['has lost workers', {}, { orphans: 2 }, ['leasesLost high']],
    ['fails', { processedToday: 100, failedToday: 40 }, {}, ['failing medium']],
    ['fails seldom', { processedToday: 100, failedToday: 4 }, {}, []],
    ['archives', {}, { archivedLately: [task({ lastError: 'timeout' })] }, ['archived medium']],
    ['drops archived tasks', { archived: 10_000 }, { archivedLately: [task({})] }, ['archived high']],
    ['holds types without a handler', {}, { unknownTypes: [task({ type: 'sms' })] }, ['unknownTypes high']],
    ['has an overwritten key', { wrongTypeKeys: ['asynq:{mail}:retry'] }, {}, ['wrongType high']],
  ])('%s', (_name, info, others, codes) => {
    expect(findings(info, others)).toEqual(codes);
  });

  it('is described in sentences with what to do', () => {
    const info = {
      ...healthy.info,
      pending: 1_234,
      latencyMs: 303_000,
      wrongTypeKeys: [],
      processedToday: 0,
      failedToday: 0,
    };
    const rates = { processedPerS: 12.34, growthPerS: -2 };
    const found = queueFindings({ ...healthy, info, flow: full, rates });

    expect(found.map(({ problem }) => problem)).toEqual([
      'All 2 slots of its servers are busy, 2 with this queue: 2 with "video".',
      'The next task has waited for 5m3s behind 1,234 tasks; 12.3 attempts per second, done in about 10m17s.',
    ]);
    expect(found[0]!.advice).toContain('asynq task cancel ID --then archive');
  });
});
