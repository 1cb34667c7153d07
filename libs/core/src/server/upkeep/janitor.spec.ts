import { describe, expect, it } from 'vitest';
import type { RetentionOps } from '../../broker/contract/retention.js';
import { silentLogger } from '../../runtime/logger.js';
import { SteppingClock } from '../../test-support/stepping-clock.js';
import { FakeLeadership } from '../../test-support/fake-leadership.js';
import { Janitor } from './janitor.js';

const ARCHIVE = { maxAgeMs: 1_000, maxSize: 10 };

/** A queue with the given numbers of finished tasks to delete. */
function openFinished(completed: number, archived: number, isLeader = true) {
  const clock = new SteppingClock();
  const calls: unknown[][] = [];
  const left = { completed, archived };
  const remove = (kind: keyof typeof left, limit: number): number => {
    const removed = Math.min(limit, left[kind]);
    left[kind] -= removed;
    return removed;
  };
  const broker: RetentionOps = {
    deleteExpiredCompleted: async (...args) => (calls.push(['completed', ...args]), remove('completed', args[1])),
    trimArchived: async (...args) => (calls.push(['archived', ...args]), remove('archived', args[2])),
  };
  const leadership = new FakeLeadership(isLeader ? ['q'] : []);
  const options = { intervalMs: 8_000, batchSize: 100, archive: ARCHIVE };
  const janitor = new Janitor(broker, leadership, ['q'], options, { clock, logger: silentLogger });
  return { clock, calls, left, leadership, janitor };
}

describe('Janitor', () => {
  it('makes one call per kind when a batch is not filled', async () => {
    const { janitor, calls } = openFinished(99, 0);

    const delayMs = await janitor.runOnce('q');

    expect(delayMs).toBe(8_000);
    expect(calls).toEqual([
      ['completed', 'q', 100],
      ['archived', 'q', ARCHIVE, 100],
    ]);
  });

  it('continues in batches until nothing is left', async () => {
    const { janitor, calls, left } = openFinished(250, 200);

    await janitor.runOnce('q');

    expect(left).toEqual({ completed: 0, archived: 0 });
    expect(calls).toHaveLength(3 + 3);
  });

  it('checks the archive only every two minutes', async () => {
    const { clock, janitor, calls } = openFinished(0, 0);
    janitor.start();

    await clock.advance('5m');

    expect(calls.filter(([kind]) => kind === 'archived')).toHaveLength(3);
    expect(calls.filter(([kind]) => kind === 'completed').length).toBeGreaterThan(30);
    await janitor.stop();
  });

  it.each([-30_000, -3_600_000, 8 * 3_600_000])('checks equally often when the clock is set by %i ms', async (byMs) => {
    const { clock, janitor, calls } = openFinished(0, 0);
    janitor.start();
    await clock.advance('1m');
    calls.length = 0;

    clock.set(clock.nowMs() + byMs);
    await clock.advance('4m');

    expect(calls.filter(([kind]) => kind === 'archived')).toHaveLength(2);
    expect(calls.filter(([kind]) => kind === 'completed')).toHaveLength(30);
    await janitor.stop();
  });

  it('pauses while another server leads, and starts when this one is elected', async () => {
    const { clock, janitor, calls, left, leadership } = openFinished(5, 5, false);
    janitor.start();
    await clock.advance('1m');
    const callsBefore = calls.length;

    leadership.elect('q');
    await clock.advance(0);

    expect(callsBefore).toBe(0);
    expect(left).toEqual({ completed: 0, archived: 0 });
  });

  it('stops between two batches', async () => {
    const { clock, janitor, left } = openFinished(1_000_000, 0);
    janitor.start();
    await clock.advance(0);

    await janitor.stop();

    expect(left.completed).toBeGreaterThan(0);
    expect(left.completed).toBeLessThan(1_000_000);
  });
});
