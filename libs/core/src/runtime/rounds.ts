import { type Clock, monotonicMs, type TimerHandle, type TimerPurpose } from './clock.js';
import type { Logger } from './logger.js';
import type { LoopDeps } from './loop.js';
import { Retries } from './retries.js';
import { together } from './together.js';
import { within } from './within.js';

const LONGEST_BACKOFF_MS = 5_000;
/** How much earlier a step may come to fall together with those of other keys. */
const TOGETHER_MS = 50;
/** Steps of a portion of the first ones, and how long the next portion waits for their ends. */
const PORTION = 250;
const PORTION_MS = 50;
/** Keys whose failures are logged in a period: thousands may fail for one reason. */
const MOST_LOGGED = 10;
const LOG_PERIOD_MS = 30_000;

/** What a key waits for. */
interface Turn {
  timer: TimerHandle;
  isRunning: boolean;
  /** Woken during its step. */
  isWoken: boolean;
  /** Its step failed: `wake` does not shorten the delay. */
  isBackingOff: boolean;
  retries: Retries | undefined;
}

/**
 * Runs a step for each of many keys, each at its own times and independent of the others, as a `Loop` does for one: the
 * step returns how long to rest, `wake` ends the rest, a failed step is logged and repeated after a growing delay. A key
 * at rest is a timer, and steps that fall together start in one turn of the event loop, so that the broker can send
 * their calls together.
 */
export abstract class Rounds {
  protected readonly clock: Clock;
  protected readonly logger: Logger;
  protected readonly random: () => number;
  /** What the rests between steps are for. */
  protected readonly restsFor: TimerPurpose = 'upkeep';
  private readonly turns = new Map<string, Turn>();
  private readonly running = new Set<Promise<void>>();
  private stopping = new AbortController();
  private isStarted = false;
  private readonly retriesDeps: LoopDeps;
  private logged = { untilMs: 0, count: 0 };

  /** @param nameOf names the steps of a key in the log */
  constructor(
    private readonly nameOf: (key: string) => string,
    deps: LoopDeps,
  ) {
    const logAs = (level: 'warn' | 'error'): Logger['warn'] => {
      return (...line) => deps.logger[this.mayLog() ? level : 'debug'](...line);
    };
    this.retriesDeps = { ...deps, logger: { ...deps.logger, warn: logAs('warn'), error: logAs('error') } };
    this.clock = deps.clock;
    this.logger = deps.logger;
    this.random = deps.random ?? Math.random;
  }

  /** One step of a key. Returns how long to rest, ms: 0 is not at all, `undefined` until `wake`. */
  abstract runOnce(key: string): Promise<number | undefined>;

  /** Adds a key; its first step runs at once, or at the start. */
  add(key: string): void {
    if (this.turns.has(key)) return;
    const turn: Turn = { timer: undefined, isRunning: false, isWoken: false, isBackingOff: false, retries: undefined };
    this.turns.set(key, turn);
    if (this.isStarted) this.begin(key, turn);
  }

  /** Runs the first step of every key. Does nothing when it runs already; restarts after `stop`. */
  start(): void {
    if (this.isStarted) return;
    this.isStarted = true;
    this.stopping = new AbortController();
    void this.beginAll(this.stopping.signal);
  }

  /** Runs the next step of a key now, or right after the current one. */
  wake(key: string): void {
    const turn = this.turns.get(key);
    if (!turn || !this.isStarted) return;
    if (turn.isRunning || turn.isBackingOff) turn.isWoken = true;
    else this.begin(key, turn);
  }

  /** Waits for the current steps; none follows. */
  async stop(): Promise<void> {
    this.isStarted = false;
    this.stopping.abort();
    for (const turn of this.turns.values()) this.clock.clearTimer(turn.timer);
    await Promise.all(this.running);
  }

  protected get keys(): Iterable<string> {
    return this.turns.keys();
  }

  /** Aborts when the rounds are stopped; long steps check it. */
  protected get stopSignal(): AbortSignal {
    return this.stopping.signal;
  }

  /** In portions, so that thousands of first steps do not block the event loop, or wait for each other's replies. */
  private async beginAll(stopped: AbortSignal): Promise<void> {
    let begun = 0;
    for (const [key, turn] of this.turns) {
      this.begin(key, turn);
      if (++begun % PORTION > 0) continue;
      await within(this.clock, PORTION_MS, Promise.all(this.running));
      if (stopped.aborted) return;
    }
  }

  private mayLog(): boolean {
    const nowMs = monotonicMs(this.clock);
    if (nowMs >= this.logged.untilMs) this.logged = { untilMs: nowMs + LOG_PERIOD_MS, count: 0 };
    return ++this.logged.count <= MOST_LOGGED;
  }

  private begin(key: string, turn: Turn): void {
    if (turn.isRunning) return void (turn.isWoken = true); // stopped and started again during a step
    this.clock.clearTimer(turn.timer);
    turn.isRunning = true;
    const run = this.run(key, turn).then(() => void this.running.delete(run));
    this.running.add(run);
  }

  /** Never rejects. */
  private async run(key: string, turn: Turn): Promise<void> {
    let delayMs: number | undefined;
    do {
      turn.isWoken = turn.isBackingOff = false;
      try {
        delayMs = await this.runOnce(key);
        turn.retries?.reset();
      } catch (error) {
        turn.retries ??= new Retries(this.nameOf(key), this.retriesDeps, LONGEST_BACKOFF_MS);
        turn.isBackingOff = true;
        delayMs = turn.retries.pauseAfter(error);
      }
    } while (this.isStarted && !turn.isBackingOff && (turn.isWoken || delayMs === 0));
    turn.isRunning = false;
    if (!this.isStarted || delayMs === undefined) return;
    const restMs = turn.isBackingOff ? delayMs : together(this.clock, delayMs, TOGETHER_MS);
    turn.timer = this.clock.setTimer(
      () => this.begin(key, turn),
      restMs,
      turn.isBackingOff ? undefined : this.restsFor,
    );
  }
}
