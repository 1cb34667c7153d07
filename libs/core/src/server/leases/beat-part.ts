import { monotonicMs } from '../../runtime/clock.js';
import type { LoopDeps } from '../../runtime/loop.js';
import { Retries } from '../../runtime/retries.js';

/** What a beat had to leave out is made up for soon. */
const CATCH_UP_MS = 1_000;

/**
 * One part of a beat, such as the leases of one queue. Each goes its own way, since a node of a cluster that does not
 * answer must not hold up what lies on the others. It is never under way twice.
 */
export class BeatPart {
  private readonly retries: Retries;
  private underWay: Promise<void> | undefined;
  private wasLeftOut = false;
  /** Before the next beat; `Infinity`: not before it. By the monotonic clock. */
  private again = Infinity;

  constructor(
    name: string,
    private readonly deps: LoopDeps,
    longestBackoffMs: number,
    /** It ended, and is due again at another time than the beat. */
    private readonly onDueSooner: () => void,
  ) {
    this.retries = new Retries(name, deps, longestBackoffMs);
  }

  get dueAtMs(): number {
    return this.underWay ? Infinity : this.again;
  }

  /** Resolves when it is not under way. */
  get settled(): Promise<void> {
    return this.underWay ?? Promise.resolve();
  }

  /** Whether it takes part now: in every beat that finds it at rest, and in between when it is due. */
  joins(isBeat: boolean): boolean {
    if (this.underWay) {
      this.wasLeftOut ||= isBeat;
      return false;
    }
    const isDue = isBeat || monotonicMs(this.deps.clock) >= this.again;
    if (isDue) this.again = Infinity; // also when there is nothing to do
    return isDue;
  }

  /** Never rejects. @param work answers whether all is as the beat wants it */
  run(work: () => Promise<boolean>): void {
    this.wasLeftOut = false;
    this.underWay = this.attempt(work).finally(() => {
      this.underWay = undefined;
      if (this.again < Infinity) this.onDueSooner();
    });
  }

  private async attempt(work: () => Promise<boolean>): Promise<void> {
    try {
      const isComplete = await work();
      this.retries.reset();
      if (!isComplete || this.wasLeftOut) this.again = monotonicMs(this.deps.clock) + CATCH_UP_MS;
    } catch (error) {
      const pauseMs = this.retries.pauseAfter(error);
      this.again = monotonicMs(this.deps.clock) + pauseMs;
    }
  }
}
