import { type Clock, monotonicMs } from '../../runtime/clock.js';

/** Maximum number of functions that run at a time. */
export const AT_ONE_TIME = 3;
/** Maximum number of sets held while functions are quick. */
const MOST_SETS = 64;
/** How long a set should wait for its function at most, at the speed of the last ones. */
const SHORT_WAIT_MS = 1_000;
/** How long a set waits for its function before it is returned. */
const LONGEST_WAIT_MS = 10_000;
/** How much a slow function counts after each later one. */
const DECAY = 0.9;

/** The functions of other sets took so long that this one did not start. */
export class NotStartedError extends Error {}

/**
 * Runs few aggregate functions at a time, and says how many sets to take ahead of them: many while functions are quick,
 * so that they share round trips, none while they are slow, because the tasks of a set wait for it.
 */
export class AggregateSlots {
  private running = 0;
  private readonly waiting: (() => void)[] = [];
  private slowestMs = Infinity;

  constructor(private readonly clock: Clock) {}

  /** How many sets to hold, with those whose functions run. */
  get mostSets(): number {
    const ahead = Math.floor((AT_ONE_TIME * SHORT_WAIT_MS) / Math.max(this.slowestMs, 1));
    return Math.min(Math.max(AT_ONE_TIME, ahead), MOST_SETS);
  }

  /** @throws {NotStartedError} */
  async run<T>(call: () => Promise<T>): Promise<T> {
    if (this.running >= AT_ONE_TIME) await this.turn();
    else this.running += 1;
    const startedAtMs = monotonicMs(this.clock);
    try {
      return await call();
    } finally {
      const tookMs = monotonicMs(this.clock) - startedAtMs;
      this.slowestMs = Number.isFinite(this.slowestMs) ? Math.max(tookMs, this.slowestMs * DECAY) : tookMs;
      const next = this.waiting.shift();
      if (next) next();
      else this.running -= 1;
    }
  }

  /** @throws {NotStartedError} */
  private turn(): Promise<void> {
    const { clock, waiting } = this;
    return new Promise((resolve, reject) => {
      const timer = clock.setTimer(() => {
        waiting.splice(waiting.indexOf(take), 1);
        this.slowestMs = LONGEST_WAIT_MS;
        reject(new NotStartedError());
      }, LONGEST_WAIT_MS);
      const take = (): void => {
        clock.clearTimer(timer);
        resolve();
      };
      waiting.push(take);
    });
  }
}
