import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import type { QueueStats } from '../broker/contract/queues.js';
import { FakeClock } from '../testing/fake-clock.js';
import { readProblemOptions, VitalSigns } from './vital-signs.js';

const LIMITS = { stuckAfterMs: 60_000, blockedAfterMs: 10_000 };

interface Setup {
  /** Queues from which no fetch was answered. */
  readonly quiet?: string[];
  readonly isBeating?: boolean;
  readonly stats?: Partial<QueueStats>;
}

function prepare({ quiet = [], isBeating = true, stats }: Setup = {}) {
  const waiting = { counts: { pending: 3 }, isPaused: false, latencyMs: 90_000, ...stats } as QueueStats;
  const queueStats = vi.fn<(queue: string) => Promise<QueueStats | undefined>>(async () => waiting);
  const clock = new FakeClock();
  const processor = { quietQueues: () => quiet };
  const signs = new VitalSigns({ queueStats }, { runningLeases: { isBeating: () => isBeating }, processor, clock });
  return { signs, queueStats, quiet, clock };
}

describe('a server', () => {
  it('is fine while it fetches and beats', async () => {
    const { signs, queueStats } = prepare();

    expect(await signs.problems(LIMITS)).toEqual([]);
    expect(queueStats).not.toHaveBeenCalled();
  });

  it('has stopped to fetch when tasks have waited as long as no fetch was answered', async () => {
    const { signs } = prepare({ quiet: ['mail'] });

    expect(await signs.problems(LIMITS)).toEqual([
      {
        part: 'fetching',
        queue: 'mail',
        message: 'tasks wait in queue "mail" for 90 s, and are not fetched',
      },
    ]);
  });

  it.each([
    ['the queue is empty', { counts: { pending: 0 } }],
    ['its tasks have just come', { latencyMs: 59_000 }],
    ['it is paused', { isPaused: true }],
  ])('is fine when %s', async (_why, stats) => {
    const { signs } = prepare({ quiet: ['mail'], stats: stats as Partial<QueueStats> });

    expect(await signs.problems(LIMITS)).toEqual([]);
  });

  it('is not to blame for Redis', async () => {
    const { signs, queueStats, clock } = prepare({ quiet: ['mail'] });
    queueStats.mockRejectedValueOnce(new Error('away'));
    const refused = await signs.problems(LIMITS);
    queueStats.mockReturnValueOnce(new Promise(() => undefined));
    const asked = signs.problems(LIMITS);
    await clock.advance(1_000);

    expect([refused, await asked]).toEqual([[], []]);
  });

  it('is fine when a fetch was answered while Redis was asked', async () => {
    const { signs, queueStats, quiet } = prepare({ quiet: ['mail'] });
    queueStats.mockImplementationOnce(async () => {
      quiet.length = 0;
      return { counts: { pending: 1 }, isPaused: false, latencyMs: 90_000 } as unknown as QueueStats;
    });

    expect(await signs.problems(LIMITS)).toEqual([]);
  });

  it('asks about a few of many queues at a time, in turn', async () => {
    const { signs, queueStats } = prepare({ quiet: Array.from({ length: 20 }, (_, n) => `q${n}`) });

    await signs.problems(LIMITS);
    await signs.problems(LIMITS);

    expect(new Set(queueStats.mock.calls.map(([queue]) => queue)).size).toBe(20);
    expect(queueStats).toHaveBeenCalledTimes(32);
  });

  it('has a problem when the heartbeat has stopped', async () => {
    const { signs } = prepare({ isBeating: false });

    expect((await signs.problems(LIMITS)).map(({ part }) => part)).toEqual(['heartbeat']);
  });

  it('has a problem when the event loop stood still since the last question', async () => {
    const { signs } = prepare();
    await signs.problems(LIMITS);
    await delay(250); // until the first measurement
    const endMs = performance.now() + 400;
    while (performance.now() < endMs);
    await delay(0);
    await delay(150);

    const found = await signs.problems({ ...LIMITS, blockedAfterMs: 200 });
    const later = await signs.problems(LIMITS);
    signs.close();

    expect(found.map(({ part }) => part)).toEqual(['eventLoop']);
    expect(later).toEqual([]);
  });
});

it.each([
  [{ stuckAfter: '10ms' }, 'stuckAfter'],
  [{ blockedAfter: 1 }, 'blockedAfter'],
  [{ stuck: 1 }, 'stuck'],
])('refuses %j', (options, name) => {
  expect(() => readProblemOptions(options as object)).toThrow(`"${name}"`);
});
