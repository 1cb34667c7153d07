import { WakeSignal } from './wake-signal.js';
import { type Clock, sleep } from './clock.js';
import type { Logger } from './logger.js';
import { Retries, type RetriesDeps } from './retries.js';

/** Short enough that a part is back soon after Redis is, long enough that waiting costs nothing. */
const LONGEST_BACKOFF_MS = 5_000;

/** What every loop needs. */
export type LoopDeps = RetriesDeps;

/**
 * Runs one step again and again: the shape of every background part. The step says how long to sleep; `wake` ends the
 * sleep. A step that throws is logged and tried again after a growing pause that `wake` does not shorten.
 */
export abstract class Loop {
  protected readonly clock: Clock;
  protected readonly logger: Logger;
  protected readonly random: () => number;
  private readonly wakeSignal: WakeSignal;
  private readonly retries: Retries;
  private stopping = new AbortController();
  private isStarted = false;
  private done: Promise<void> = Promise.resolve();

  /** @param longestBackoffMs where the pauses after failures stop growing; default 5,000 */
  constructor(
    readonly name: string,
    deps: LoopDeps,
    longestBackoffMs = LONGEST_BACKOFF_MS,
  ) {
    this.clock = deps.clock;
    this.logger = deps.logger;
    this.random = deps.random ?? Math.random;
    this.wakeSignal = new WakeSignal(deps.clock);
    this.retries = new Retries(name, deps, longestBackoffMs);
  }

  /** One step. Returns how long to sleep before the next, in ms: 0 is at once, `undefined` until `wake`. */
  abstract runOnce(): Promise<number | undefined>;

  /** First step at once. Does nothing when the loop runs already; after `stop` it begins anew. */
  start(): void {
    if (this.isStarted) return;
    this.isStarted = true;
    const stopping = (this.stopping = new AbortController());
    this.done = this.done.then(() => this.run(stopping.signal)); // never two runs at once
  }

  /** Runs the next step now, or right after the one under way. */
  wake(): void {
    this.wakeSignal.send();
  }

  /** Waits for a step under way; none follows. */
  async stop(): Promise<void> {
    this.isStarted = false;
    this.stopping.abort();
    await this.done;
  }

  /** Aborts when the loop is told to stop; a long step looks at it. */
  protected get stopSignal(): AbortSignal {
    return this.stopping.signal;
  }

  private async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const delayMs = await this.attempt(signal);
      if (delayMs !== 0) await this.wakeSignal.wait(signal, delayMs);
    }
  }

  private async attempt(signal: AbortSignal): Promise<number | undefined> {
    try {
      const delayMs = await this.runOnce();
      this.retries.reset();
      return delayMs;
    } catch (error) {
      await sleep(this.clock, this.retries.pauseAfter(error), signal);
      return 0;
    }
  }
}
