import { describe, expect, it, vi } from 'vitest';
import { type Logger, silentLogger } from '../../runtime/logger.js';
import { SteppingClock } from '../../test-support/stepping-clock.js';
import { HealthCheck } from './health-check.js';

describe('HealthCheck', () => {
  it('reports the result of a ping, first after one interval', async () => {
    const clock = new SteppingClock();
    const results: [atMs: number, error: Error | undefined][] = [];
    const startedAtMs = clock.nowMs();
    const failure = new Error('away');
    const ping = vi.fn<() => Promise<void>>().mockRejectedValueOnce(failure).mockResolvedValue(undefined);
    const note = (error: Error | undefined): unknown => results.push([clock.nowMs() - startedAtMs, error]);
    const check = new HealthCheck({ ping }, 1_000, note, { clock, logger: silentLogger });

    check.start();
    await clock.advance(2_500);
    await check.stop();
    await clock.advance('1m');

    expect(results).toEqual([
      [1_000, failure],
      [2_000, undefined],
    ]);
  });

  it('continues when the callback throws, and logs it', async () => {
    const clock = new SteppingClock();
    const error = vi.fn<Logger['error']>();
    const callback = vi.fn<() => void>(() => {
      throw new Error('broken');
    });
    const logger = { ...silentLogger, error };
    const check = new HealthCheck({ ping: async () => undefined }, 1_000, callback, { clock, logger });

    check.start();
    await clock.advance(2_500);

    expect(callback).toHaveBeenCalledTimes(2);
    expect(error).toHaveBeenCalledTimes(2);
    await check.stop();
  });
});
