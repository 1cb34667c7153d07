import { describe, expect, it } from 'vitest';
import { RedisCommandError } from '../errors/redis-command.error.js';
import { loggerTo } from '../test-support/logger-to.js';
import { SteppingClock } from '../test-support/stepping-clock.js';
import { Loop } from './loop.js';

type Step = () => number | undefined | Promise<number | undefined>;

/** A loop that runs the given steps, repeating the last one, and records their times. */
class ScriptedLoop extends Loop {
  readonly ranAtMs: number[] = [];
  running = 0;
  mostAtOnce = 0;

  constructor(
    private readonly fake: SteppingClock,
    private readonly steps: Step[],
    log: string[] = [],
  ) {
    super('test loop', { clock: fake, logger: loggerTo(log), random: () => 1 });
  }

  async runOnce(): Promise<number | undefined> {
    this.ranAtMs.push(this.fake.nowMs() - startMs);
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.running);
    try {
      return await (this.steps.length > 1 ? this.steps.shift()! : this.steps[0]!)();
    } finally {
      this.running -= 1;
    }
  }
}

const startMs = new SteppingClock().nowMs();

const fail = (isTransient: boolean) => (): never => {
  throw new RedisCommandError('PING', isTransient, { cause: new Error('gone') });
};

describe('Loop', () => {
  it('continues after a step that throws an unreadable value', async () => {
    const clock = new SteppingClock();
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const fail = (): never => {
      throw proxy;
    };
    const log: string[] = [];
    const loop = new ScriptedLoop(clock, [fail, () => undefined], log);

    loop.start();
    await clock.advance('1s');
    await loop.stop();

    expect(loop.ranAtMs).toHaveLength(2);
    expect(log).toEqual(['error: test loop failed; next attempt in 100 ms']);
  });

  it('runs at once and then after the delay that each step asks for', async () => {
    const clock = new SteppingClock();
    const loop = new ScriptedLoop(clock, [() => 100, () => 300, () => undefined]);

    loop.start();
    await clock.advance(10_000);

    expect(loop.ranAtMs).toEqual([0, 100, 400]);
  });

  it('runs again without a pause after a delay of 0', async () => {
    const clock = new SteppingClock();
    const loop = new ScriptedLoop(clock, [() => 0, () => 0, () => undefined]);

    loop.start();
    await clock.advance(0);

    expect(loop.ranAtMs).toEqual([0, 0, 0]);
  });

  it('sleeps until it is woken after undefined', async () => {
    const clock = new SteppingClock();
    const loop = new ScriptedLoop(clock, [() => undefined]);
    loop.start();
    await clock.advance(60_000);

    loop.wake();
    await clock.advance(60_000);

    expect(loop.ranAtMs).toEqual([0, 60_000]);
  });

  it('runs once more when it was woken during a step', async () => {
    const clock = new SteppingClock();
    const loop: ScriptedLoop = new ScriptedLoop(clock, [
      () => {
        loop.wake();
        return undefined;
      },
      () => undefined,
    ]);

    loop.start();
    await clock.advance(1_000);

    expect(loop.ranAtMs).toEqual([0, 0]);
  });

  it('backs off while it fails, however often it is woken, and resets after a success', async () => {
    const clock = new SteppingClock();
    const loop = new ScriptedLoop(clock, [
      fail(true),
      fail(true),
      fail(true),
      () => 1_000,
      fail(true),
      () => undefined,
    ]);

    loop.start();
    for (let i = 0; i < 200; i++) {
      await clock.advance(10);
      if (i < 60) loop.wake();
    }

    expect(loop.ranAtMs.slice(0, 4)).toEqual([0, 100, 300, 700]);
    expect(loop.ranAtMs[5]! - loop.ranAtMs[4]!).toBe(100);
  });

  it('never pauses longer than its limit', async () => {
    const clock = new SteppingClock();
    const loop = new ScriptedLoop(clock, [fail(true)]);

    loop.start();
    await clock.advance(60_000);

    const pausesMs = loop.ranAtMs.slice(1).map((atMs, index) => atMs - loop.ranAtMs[index]!);
    expect(Math.max(...pausesMs)).toBe(5_000);
  });

  it('logs a continuing failure at intervals, as an error unless it is transient', async () => {
    const clock = new SteppingClock();
    const log: string[] = [];
    const loop = new ScriptedLoop(clock, [...Array<Step>(5).fill(fail(true)), fail(false)], log);

    loop.start();
    await clock.advance(32_000);

    expect(log).toEqual([
      'warn: test loop failed; next attempt in 100 ms',
      'error: test loop failed; next attempt in 5000 ms',
    ]);
  });

  it('waits at stop for the current step, and runs no other', async () => {
    const clock = new SteppingClock();
    let endStep = (): void => undefined;
    const loop = new ScriptedLoop(clock, [() => new Promise((resolve) => (endStep = () => resolve(0)))]);
    loop.start();
    await clock.advance(0);
    let isStopped = false;

    const stopping = loop.stop().then(() => (isStopped = true));
    await clock.advance(1_000);
    const wasStoppedEarly = isStopped;
    endStep();
    await stopping;

    expect(wasStoppedEarly).toBe(false);
    expect(loop.ranAtMs).toEqual([0]);
  });

  it('survives any order of start, stop and wake with one run at a time', async () => {
    const clock = new SteppingClock();
    const loop = new ScriptedLoop(clock, [() => Promise.resolve(1)]);
    const stops: Promise<void>[] = [];

    for (let i = 0; i < 1_000; i++) {
      const draw = (i * 7_919) % 5;
      if (draw < 2) loop.start();
      else if (draw < 4) stops.push(loop.stop());
      else loop.wake();
      if (i % 3 === 0) await clock.advance(1);
    }
    await Promise.all([...stops, loop.stop()]);
    const runs = loop.ranAtMs.length;
    await clock.advance(1_000);

    expect(loop.mostAtOnce).toBe(1);
    expect(runs).toBeGreaterThan(50);
    expect(loop.ranAtMs.length).toBe(runs);
  });
});
