import type { QueueInfo } from '@nestjs-asynq/core';
import { describe, expect, it } from 'vitest';
import { QueueHistory } from './queue-reading.js';

const MINUTE_MS = 60_000;
const NOW_MS = 1_700_000_040_000; // the begin of a minute

const at = (processedTotal: number, facts: Partial<QueueInfo> = {}): QueueInfo =>
  ({ processedTotal, failedTotal: 0, pending: 0, active: 0, latencyMs: 0, archived: 0, ...facts }) as QueueInfo;

describe('the history of a queue', () => {
  it('draws attempts per second over the last hour, a point for each minute', () => {
    const history = new QueueHistory();
    for (let minute = 0; minute <= 10; minute++) history.keep(at(minute * 120), NOW_MS - (10 - minute) * MINUTE_MS);

    const spark = history.spark(NOW_MS);

    expect(spark).toHaveLength(60);
    expect(spark.slice(-10)).toEqual(Array.from({ length: 10 }, () => 2));
    expect(spark.slice(0, 49).every((rate) => rate === null)).toBe(true);
  });

  it('tells the rates of the last minute, and none before two readings', () => {
    const history = new QueueHistory();
    history.keep(at(100), NOW_MS - MINUTE_MS);
    const before = history.rates(NOW_MS - MINUTE_MS);
    history.keep(at(160, { failedTotal: 30 }), NOW_MS);

    expect([before, history.rates(NOW_MS)]).toEqual([undefined, { processedPerS: 1, failedPerS: 0.5 }]);
  });

  it('does not take totals that were reset for attempts', () => {
    const history = new QueueHistory();
    history.keep(at(5_000), NOW_MS - 2 * MINUTE_MS);
    history.keep(at(0), NOW_MS - MINUTE_MS);
    history.keep(at(60), NOW_MS);

    expect(history.spark(NOW_MS).slice(-2)).toEqual([null, 1]);
  });
});
