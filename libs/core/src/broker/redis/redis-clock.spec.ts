import { describe, expect, it } from 'vitest';
import { RedisCommandError } from '../../errors/redis-command.error.js';
import { FakeClock } from '../../testing/fake-clock.js';
import { ClockSync, measureTime, RedisClock } from './redis-clock.js';
import type { RedisLink } from './redis-link.js';

const START_MS = 1_700_000_000_000;
const HOUR_MS = 3_600_000;

/** A Redis whose time differs from the machine's by `aheadMs`; each answer takes the next of `tripsMs`. */
function setUp({ aheadMs = 0, tripsMs = [] as number[] } = {}) {
  const machine = new FakeClock(START_MS);
  const redisTime = new FakeClock(START_MS + aheadMs);
  const warnings: string[] = [];
  const state = { asked: 0, failure: undefined as Error | undefined };
  const time = async (): Promise<[string, string]> => {
    const tripMs = tripsMs[state.asked++] ?? 0;
    await pass(tripMs / 2);
    const nowMs = redisTime.nowMs();
    await pass(tripMs / 2);
    return [String(Math.floor(nowMs / 1000)), String(Math.round((nowMs % 1000) * 1000))];
  };
  const pass = async (ms: number): Promise<void> => {
    await machine.advance(ms);
    await redisTime.advance(ms);
  };
  const link = {
    logger: { warn: (message: string) => warnings.push(message) },
    logRefusal: (message: string) => warnings.push(message),
    command: async (_name: string, call: (client: object) => Promise<unknown>) => {
      if (state.failure) throw state.failure;
      return call({ time });
    },
  } as unknown as RedisLink;
  const clock = new RedisClock(machine);
  return { machine, redisTime, warnings, state, link, clock, pass, sync: new ClockSync(link, clock, machine) };
}

const refusal = (isTransient: boolean): Error =>
  new RedisCommandError('TIME', isTransient, { cause: new Error('NOPERM this user has no permissions') });

describe('the clock of a Redis broker', () => {
  it('shows the time of Redis, whatever the clock of the machine shows', async () => {
    const t = setUp({ aheadMs: -HOUR_MS });

    await t.sync.whenRight();

    expect(t.clock.nowMs()).toBe(START_MS - HOUR_MS);
  });

  it.each([-HOUR_MS, -30_000, 8 * HOUR_MS])(
    'continues steadily when the clock of the machine is set by %i ms',
    async (byMs) => {
      const t = setUp();
      await t.sync.whenRight();

      t.machine.set(START_MS + byMs);
      const atOnce = t.clock.nowMs();
      await t.sync.whenRight();
      await t.pass(5_000);

      expect([atOnce, t.clock.nowMs()]).toEqual([START_MS, START_MS + 5_000]);
    },
  );

  it('follows Redis when the machine has slept and its monotonic clock has stood still', async () => {
    const t = setUp();
    await t.sync.whenRight();
    t.redisTime.set(START_MS + 8 * HOUR_MS);
    t.machine.set(START_MS + 8 * HOUR_MS);

    const right = t.sync.whenRight();
    await right;

    expect(right).toBeInstanceOf(Promise);
    expect(t.clock.nowMs()).toBe(START_MS + 8 * HOUR_MS);
  });

  it('is measured again every minute, without delaying calls', async () => {
    const t = setUp();
    await t.sync.whenRight();
    await t.pass(59_000);
    const asked = [t.sync.whenRight(), t.state.asked];

    await t.pass(2_000);
    const askedLater = t.sync.whenRight();
    await t.pass(0);

    expect([...asked, askedLater, t.state.asked]).toEqual([undefined, 1, undefined, 2]);
  });

  it('uses the fastest of several answers when the first is slow', async () => {
    const t = setUp({ aheadMs: 2_000, tripsMs: [900, 400, 4] });

    const { offsetMs, uncertaintyMs } = await measureTime(t.link, t.machine);

    expect({ offsetMs, uncertaintyMs, asked: t.state.asked }).toEqual({ offsetMs: 2_000, uncertaintyMs: 2, asked: 3 });
  });

  it('keeps its offset when a measurement agrees within its uncertainty', () => {
    const { clock, machine } = setUp();
    clock.adopt({ offsetMs: 50, uncertaintyMs: 1 });

    clock.adopt({ offsetMs: 350, uncertaintyMs: 400 });

    expect(clock.nowMs()).toBe(machine.monotonicMs() + 50 - 1); // never ahead of Redis;
  });

  it('falls back to that of the machine when TIME is forbidden, and logs this once', async () => {
    const t = setUp({ aheadMs: HOUR_MS });
    t.state.failure = refusal(false);

    await t.sync.whenRight();
    const again = t.sync.whenRight();

    expect([t.clock.nowMs(), again, t.warnings.length]).toEqual([START_MS, undefined, 1]);
  });

  it('is measured at the next call after Redis was unavailable', async () => {
    const t = setUp({ aheadMs: HOUR_MS });
    t.state.failure = refusal(true);
    await t.sync.whenRight();
    t.state.failure = undefined;

    await t.sync.whenRight();

    expect(t.clock.nowMs()).toBe(START_MS + HOUR_MS);
  });
});
