import { describe, expect, it, vi } from 'vitest';
import { silentLogger } from '../../../runtime/logger.js';
import { FakeClock } from '../../../testing/fake-clock.js';
import type { ProgressRecord } from '../../../wire/task-progress.js';
import { type ProgressDeps, ProgressReporter } from './progress-reporter.js';

function prepare(differences: Partial<ProgressDeps> = {}) {
  const clock = new FakeClock();
  const written: ProgressRecord[] = [];
  const write: ProgressDeps['write'] = async (progress) => written.push(progress) > 0;
  const onWritten = vi.fn<ProgressDeps['onWritten']>();
  const reporter = new ProgressReporter({ write, onWritten, clock, logger: silentLogger, ...differences });
  return { reporter, clock, onWritten, shares: () => written.map(({ share }) => share), written };
}

describe('ProgressReporter', () => {
  it('stores the first report at once, then the last one of every half second', async () => {
    const { reporter, clock, shares } = prepare();

    for (let step = 0; step <= 100; step++) reporter.report(step / 100);
    const atOnce = shares();
    await clock.advance(500);

    expect(atOnce).toEqual([0]);
    expect(shares()).toEqual([0, 1]);
  });

  it('stores the last report when the attempt ends, and ignores later ones', async () => {
    const { reporter, shares } = prepare();
    reporter.report(0.1);
    reporter.report(0.9);

    await reporter.flush();
    reporter.report(1);
    await reporter.flush();

    expect(shares()).toEqual([0.1, 0.9]);
  });

  it.each([
    [-1, 0],
    [1.01, 1],
    [Number.NaN, 0],
    [Number.POSITIVE_INFINITY, 1],
  ])('takes %d for %d', async (said, share) => {
    const { reporter, shares } = prepare();

    reporter.report(said);
    await reporter.flush();

    expect(shares()).toEqual([share]);
  });

  it('keeps notes short and valid', async () => {
    const { reporter, written } = prepare();

    reporter.report(0, 'half \ud83d'.padEnd(2_000, '.'));
    await reporter.flush();

    expect(written[0]!.note).toHaveLength(1_000);
    expect(written[0]!.note).toMatch(/^half \ufffd\./);
  });

  it('emits events only for stored reports', async () => {
    const { reporter, clock, onWritten } = prepare({
      write: vi
        .fn<ProgressDeps['write']>()
        .mockRejectedValueOnce(new Error('away'))
        .mockResolvedValueOnce(false)
        .mockResolvedValue(true),
    });

    for (const share of [0.1, 0.2, 0.3]) {
      reporter.report(share);
      await clock.advance(500);
    }

    expect(onWritten).toHaveBeenCalledExactlyOnceWith({ share: 0.3, atMs: clock.nowMs() - 500 });
  });
});
