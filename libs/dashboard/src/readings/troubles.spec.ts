import type { QueueInfo } from '@nestjs-asynq/core';
import { describe, expect, it } from 'vitest';
import { QueueHistory } from './queue-reading.js';
import { troublesOf, weightOf } from './troubles.js';

const NOW_MS = 1_700_000_000_000;
const MINUTE_MS = 60_000;

function infoOf(facts: Partial<QueueInfo> = {}): QueueInfo {
  const counts = { pending: 0, active: 0, scheduled: 0, retry: 0, archived: 0, completed: 0, aggregating: 0 };
  const counters = { processedToday: 0, failedToday: 0, processedTotal: 0, failedTotal: 0 };
  const rest = {
    latencyMs: 0,
    overdueMs: 0,
    wrongTypeKeys: [],
    isPaused: false,
    pausedAt: undefined,
    memoryBytes: undefined,
    memoryErrorBytes: undefined,
  };
  return { queue: 'q', size: 0, groups: 0, ...counts, ...counters, ...rest, ...facts };
}

function troubles(facts: Partial<QueueInfo>, servers: number | undefined = 1, history?: QueueHistory) {
  return troublesOf({ info: infoOf(facts), atMs: NOW_MS, error: undefined }, history, servers, NOW_MS);
}

describe('the troubles of a queue', () => {
  it('are none while all is well, and while nobody knows its servers', () => {
    expect(troubles({ pending: 3, latencyMs: 1_000, processedToday: 100, failedToday: 10 })).toEqual([]);
    expect(
      troublesOf({ info: infoOf({ pending: 3 }), atMs: 0, error: undefined }, undefined, undefined, NOW_MS),
    ).toEqual([]);
  });

  it.each([
    [{ pending: 2, retry: 1 }, 0, [{ severity: 'high', code: 'unserved', count: 3 }]],
    [{ scheduled: 2 }, 0, [{ severity: 'medium', code: 'unserved', count: 2 }]],
    [{ archived: 2 }, 0, []],
    [{ latencyMs: 2 * MINUTE_MS }, 1, [{ severity: 'medium', code: 'waiting', forMs: 2 * MINUTE_MS }]],
    [{ scheduled: 1, overdueMs: 50_000 }, 1, []],
    [{ retry: 1, overdueMs: 2 * MINUTE_MS }, 1, [{ severity: 'medium', code: 'overdue', forMs: 2 * MINUTE_MS }]],
    [
      { scheduled: 1, isPaused: true, overdueMs: 25 * MINUTE_MS },
      1,
      [
        { severity: 'high', code: 'overdue', forMs: 25 * MINUTE_MS },
        { severity: 'low', code: 'paused', forMs: undefined },
      ],
    ],
    [{ latencyMs: 25 * MINUTE_MS }, 1, [{ severity: 'high', code: 'waiting', forMs: 25 * MINUTE_MS }]],
    [
      { isPaused: true, pausedAt: new Date(NOW_MS - 180 * MINUTE_MS), latencyMs: 90 * MINUTE_MS },
      1,
      [
        { severity: 'medium', code: 'paused', forMs: 180 * MINUTE_MS },
        { severity: 'low', code: 'waiting', forMs: 90 * MINUTE_MS },
      ],
    ],
    [{ isPaused: true }, 1, [{ severity: 'low', code: 'paused', forMs: undefined }]],
    [{ processedToday: 50, failedToday: 20 }, 1, [{ severity: 'medium', code: 'failing', share: 0.4, failed: 20 }]],
    [{ processedToday: 5, failedToday: 5 }, 1, []],
    [{ wrongTypeKeys: ['asynq:{q}:retry'] }, 1, [{ severity: 'high', code: 'wrongType', keys: ['asynq:{q}:retry'] }]],
  ] as const)('of %j with %i servers', (facts, servers, expected) => {
    expect(troubles(facts as Partial<QueueInfo>, servers)).toEqual(expected);
  });

  it('are about the last minutes once they are known', () => {
    const history = new QueueHistory();
    history.keep(infoOf({ processedTotal: 1_000, failedTotal: 900, archived: 5 }), NOW_MS - 5 * MINUTE_MS);
    const now = infoOf({
      processedTotal: 1_100,
      failedTotal: 900,
      archived: 7,
      processedToday: 1_100,
      failedToday: 900,
    });
    history.keep(now, NOW_MS);

    expect(troubles(now, 1, history)).toEqual([{ severity: 'medium', code: 'archived', count: 2 }]);
    expect(history.rates(NOW_MS)).toEqual({ processedPerS: 100 / 300, failedPerS: 0 });
  });

  it('sort queues: the worst first, more before fewer', () => {
    const [none, paused, unserved, both] = [
      troubles({}),
      troubles({ isPaused: true }),
      troubles({ pending: 1 }, 0),
      troubles({ pending: 1, isPaused: true }, 0),
    ].map(weightOf);

    expect([both! > unserved!, unserved! > paused!, paused! > none!, none]).toEqual([true, true, true, 0]);
  });
});
