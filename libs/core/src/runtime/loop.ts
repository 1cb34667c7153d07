import { WakeSignal } from './wake-signal.js';
import { type Clock, sleep, type TimerPurpose } from './clock.js';
import type { Logger } from './logger.js';
import { Retries, type RetriesDeps } from './retries.js';

/** Short enough to resume soon after Redis does, long enough to cost nothing until then. */
const LONGEST_BACKOFF_MS = 5_000;

/** Dependencies of every loop. */
export type LoopDeps = RetriesDeps;

/**
 * Runs a step repeatedly: the base of every background part. The step returns how long to sleep; `wake` ends the sleep.
 * A failed step is logged and retried after a growing delay that `wake` does not shorten.
 */
export abstract class Loop {
  protected readonly clock: Clock;
  protected readonly logger: Logger;
  protected readonly random: () => number;
  /** What the rests between steps are for. */
  protected readonly restsFor: TimerPurpose = 'upkeep';
  private readonly wakeSignal: WakeSignal;
  private readonly retries: Retries;
  private stopping = new AbortController();
  private isStarted = false;
  private done: Promise<void> = Promise.resolve();

  /** @param longestBackoffMs maximum delay after failures; default 5,000 */
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

  /** Runs the first step at once. Does nothing when the loop is running; restarts it after `stop`. */
  start(): void {
    if (this.isStarted) return;
    this.isStarted = true;
    const stopping = (this.stopping = new AbortController());
    this.done = this.done.then(() => this.run(stopping.signal)); // never two runs at once
  }

  /** Runs the next step now, or right after the current one. */
  wake(): void {
    this.wakeSignal.send();
  }

  /** Waits for the current step; none follows. */
  async stop(): Promise<void> {
    this.isStarted = false;
    this.stopping.abort();
    await this.done;
  }

  /** Aborts when the loop is stopped; long steps check it. */
  protected get stopSignal(): AbortSignal {
    return this.stopping.signal;
  }

  private async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let delayMs: number | undefined;
      try {
        delayMs = await this.runOnce();
        this.retries.reset();
      } catch (error) {
        await sleep(this.clock, this.retries.pauseAfter(error), signal);
        continue;
      }
      if (delayMs !== 0) await this.wakeSignal.wait(signal, delayMs, this.restsFor);
    }
  }
}
