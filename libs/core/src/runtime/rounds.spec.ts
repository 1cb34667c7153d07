import { describe, expect, it } from 'vitest';
import { loggerTo } from '../test-support/logger-to.js';
import { SteppingClock } from '../test-support/stepping-clock.js';
import { sleep } from './clock.js';
import { Rounds } from './rounds.js';

type Step = () => number | undefined | Promise<number | undefined>;

/** Runs the given steps of each key, repeating the last one, and records their times. */
class ScriptedRounds extends Rounds {
  readonly ran: string[] = [];
  private readonly startMs: number;

  constructor(
    private readonly fake: SteppingClock,
    private readonly steps: Readonly<Record<string, Step[]>>,
    log: string[] = [],
  ) {
    super((key) => `step of ${key}`, { clock: fake, logger: loggerTo(log), random: () => 1 });
    this.startMs = fake.nowMs();
    for (const key of Object.keys(steps)) this.add(key);
  }

  async runOnce(key: string): Promise<number | undefined> {
    this.ran.push(`${key} ${this.fake.nowMs() - this.startMs}`);
    const steps = this.steps[key]!;
    return (steps.length > 1 ? steps.shift()! : steps[0]!)();
  }
}

const rest: Step = () => undefined;

const manyKeys = (count: number, step: Step): Record<string, Step[]> =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`key-${n}`, [step]]));

describe('Rounds', () => {
  it('runs the steps of each key after the delays that they ask for', async () => {
    const clock = new SteppingClock();
    const rounds = new ScriptedRounds(clock, { a: [() => 100, () => 300, rest], b: [() => 250, () => 0, rest] });

    rounds.start();
    await clock.advance('10s');

    expect(rounds.ran).toEqual(['a 0', 'b 0', 'a 100', 'b 250', 'b 250', 'a 400']);
  });

  it('lets steps that are due in a second or more fall together, never late', async () => {
    const clock = new SteppingClock();
    const rounds = new ScriptedRounds(clock, { a: [() => 1_010, rest], b: [() => 1_049, rest], c: [() => 999, rest] });

    rounds.start();
    await clock.advance('10s');

    expect(rounds.ran.slice(3)).toEqual(['c 999', 'a 1000', 'b 1000']);
  });

  it('wakes one key, and repeats its step when it is woken during that', async () => {
    const clock = new SteppingClock();
    const slow: Step = async () => (await sleep(clock, 20), undefined);
    const rounds = new ScriptedRounds(clock, { a: [rest, slow, rest], b: [rest] });
    rounds.start();
    await clock.advance(10);

    rounds.wake('a');
    await clock.advance(10);
    rounds.wake('a');
    await clock.advance(100);

    expect(rounds.ran).toEqual(['a 0', 'b 0', 'a 10', 'a 30']);
  });

  it('repeats a failed step after growing delays, which waking does not shorten, and delays no other key', async () => {
    const clock = new SteppingClock();
    const log: string[] = [];
    const fail: Step = () => {
      throw new Error('failed');
    };
    const rounds = new ScriptedRounds(clock, { a: [fail, fail, rest], b: [() => 90, rest] }, log);

    rounds.start();
    await clock.advance(50);
    rounds.wake('a');
    await clock.advance('1s');

    expect(rounds.ran).toEqual(['a 0', 'b 0', 'b 90', 'a 100', 'a 300']);
    expect(log).toEqual(['error: step of a failed; next attempt in 100 ms']);
  });

  it('logs the failures of a few keys when all fail for one reason', async () => {
    const clock = new SteppingClock();
    const log: string[] = [];
    const fail: Step = () => {
      throw new Error('failed');
    };
    const rounds = new ScriptedRounds(clock, manyKeys(1_000, fail), log);

    rounds.start();
    await clock.advance('29s');

    expect(log.filter((line) => line.startsWith('error: '))).toHaveLength(10);
    await rounds.stop();
  });

  it('does not let keys wait for the first step of another', async () => {
    const clock = new SteppingClock();
    const steps = { ...manyKeys(300, rest), 'key-0': [() => new Promise<never>(() => 0)] };
    const rounds = new ScriptedRounds(clock, steps);

    rounds.start();
    await clock.advance(100);

    expect(rounds.ran).toHaveLength(300);
  });

  it('runs a key that is added later at once, but not before the start', async () => {
    const clock = new SteppingClock();
    const rounds = new ScriptedRounds(clock, { a: [rest] });
    await clock.advance(5);
    rounds.start();
    await clock.advance(5);

    rounds.add('a');
    rounds.wake('unknown');
    await clock.advance('1m');

    expect(rounds.ran).toEqual(['a 5']);
  });

  it('waits for running steps at stop, begins none after it, and can start again', async () => {
    const clock = new SteppingClock();
    let ended = 0;
    const slow: Step = async () => (await sleep(clock, 50), ended++, 10);
    const rounds = new ScriptedRounds(clock, { a: [slow, rest], b: [() => 70] });
    rounds.start();
    await clock.advance(10);

    const stopped = rounds.stop().then(() => ended);
    await clock.advance('1m');
    rounds.wake('b');
    await clock.advance('1m');
    const before = [...rounds.ran];
    rounds.start();
    await clock.advance(0);

    expect(await stopped).toBe(1);
    expect(before).toEqual(['a 0', 'b 0']);
    expect(rounds.ran.slice(2).map((step) => step.split(' ')[0])).toEqual(['a', 'b']);
  });

  it('runs the first steps of a thousand keys', async () => {
    const clock = new SteppingClock();
    const rounds = new ScriptedRounds(clock, manyKeys(1_000, rest));

    rounds.start();
    await clock.advance('1s');

    expect(new Set(rounds.ran).size).toBe(1_000);
    expect(rounds.ran).toHaveLength(1_000);
  });
});
