import { monotonicMs } from '../../runtime/clock.js';
import type { LoopDeps } from '../../runtime/loop.js';
import { Retries } from '../../runtime/retries.js';

/** Delay until a skipped part of a beat is retried. */
const CATCH_UP_MS = 1_000;

/**
 * One part of a beat, such as the leases of one queue. Parts run independently, since a node of a cluster that does not
 * answer must not delay the others. A part never runs twice at the same time.
 */
export class BeatPart {
  private readonly retries: Retries;
  private underWay: Promise<void> | undefined;
  private wasLeftOut = false;
  /** When to run again before the next beat; `Infinity`: not before it. By the monotonic clock. */
  private again = Infinity;

  constructor(
    name: string,
    private readonly deps: LoopDeps,
    longestBackoffMs: number,
    /** Called when it has ended and is due again at another time than the next beat. */
    private readonly onDueSooner: () => void,
  ) {
    this.retries = new Retries(name, deps, longestBackoffMs);
  }

  get dueAtMs(): number {
    return this.underWay ? Infinity : this.again;
  }

  /** Resolves when it is not running. */
  get settled(): Promise<void> {
    return this.underWay ?? Promise.resolve();
  }

  /** Whether to run now: in every beat that finds it idle, and in between when it is due. */
  joins(isBeat: boolean): boolean {
    if (this.underWay) {
      this.wasLeftOut ||= isBeat;
      return false;
    }
    const isDue = isBeat || monotonicMs(this.deps.clock) >= this.again;
    if (isDue) this.again = Infinity; // also when there is nothing to do
    return isDue;
  }

  /** Never rejects. @param work returns whether everything was done */
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
