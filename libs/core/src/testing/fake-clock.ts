import type { Clock, TimerHandle, TimerPurpose } from '../runtime/clock.js';
import { type Duration, toMs } from '../runtime/duration.js';

/** The default start of a fake clock, 2023-11-14T22:13:20Z. */
const DEFAULT_NOW_MS = 1_700_000_000_000;

/**
 * Turns of the event loop between two timers. One is enough for promises; the others let chains of callbacks that wait
 * for the next turn complete.
 */
const SETTLE_TURNS = 10;

/** Taken at load time, so that a test runner's fake timers cannot stop this clock. */
const { setImmediate: nextTurn, setInterval: repeat, clearInterval: endRepeat } = globalThis;
const realMs = performance.now.bind(performance);

/** How often the time of a clock that flows is moved. */
const FLOW_MS = 20;

interface FakeTimer {
  readonly callback: () => void;
  dueAtMs: number;
  readonly purpose: TimerPurpose | undefined;
}

/** Options of {@link FakeClock.advance}. */
export interface AdvanceOptions {
  /** Waits until the program is at rest; called before, between and after the timers. Default: a few turns of the event loop. */
  readonly settle?: (() => Promise<unknown>) | undefined;
}

/**
 * A clock that stands still until a test advances it. Pass it to the broker; all timestamps and waits follow it. It
 * leaps from one event to the next: what servers repeat forever (extending leases, trimming, polling) runs once at the
 * end of an advance, so that a week without events costs as little as a second.
 *
 * ```ts
 * const clock = new FakeClock();
 * const broker = openBroker('memory', { clock });
 * // start a server on it, enqueue a reminder with `processIn: '10m'`, then:
 * await clock.advance('10m'); // the reminder has been sent
 * ```
 */
export class FakeClock implements Clock {
  readonly leaps: boolean = true;
  #nowMs: number;
  /** The difference between the time of day and the monotonic time; `set` changes it. */
  #setByMs = 0;
  /** Since the last advance, so that what is due by the time of day must be looked for. */
  #wasSet = false;
  /** In the order of creation, in which timers due at the same time fire. */
  readonly #timers = new Set<FakeTimer>();

  /** @param startMs unix time in ms to start at; default 2023-11-14T22:13:20Z */
  constructor(startMs: number = DEFAULT_NOW_MS) {
    this.#nowMs = startMs;
  }

  /** Whole, as that of other clocks; timers may be due at fractions. */
  nowMs(): number {
    return Math.floor(this.#nowMs + this.#setByMs);
  }

  nowNs(): bigint {
    return BigInt(this.nowMs()) * 1_000_000n;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  /** Sets the time of day, as users and time services do: no time passes, and no timer fires. */
  set(nowMs: number): void {
    this.#setByMs = nowMs - this.#nowMs;
    this.#wasSet = true;
  }

  /** As in Node, a delay below 1 ms counts as 1 ms, so that a loop of zero delays cannot block `advance` forever. */
  setTimer(callback: () => void, delayMs: number, purpose?: TimerPurpose): TimerHandle {
    const timer: FakeTimer = { callback, dueAtMs: this.#nowMs + (delayMs >= 1 ? delayMs : 1), purpose };
    this.#timers.add(timer);
    return timer;
  }

  clearTimer(timer: TimerHandle): void {
    this.#timers.delete(timer as FakeTimer);
  }

  /**
   * Advances the time and fires every timer that becomes due, in due order, including those set by callbacks. Before,
   * between and after, promises and I/O callbacks get time to settle.
   *
   * Does not wait for anything that is independent of this clock, such as a reply of a real Redis or a handler's own
   * I/O. Await those by their own promises.
   *
   * @throws the error of a timer's callback; the clock then stops at its time
   */
  async advance(duration: Duration, { settle = someTurns }: AdvanceOptions = {}): Promise<void> {
    const untilMs = this.#nowMs + toMs('duration', duration);
    this.#hurryAfterSet();
    await settle();
    await this.#fireDue(untilMs, settle);
    this.#nowMs = Math.max(this.#nowMs, untilMs);
    if (this.leaps && this.#fireUpkeep()) {
      await settle();
      await this.#fireDue(untilMs, settle);
    }
  }

  /** Upkeep does not fire meanwhile. */
  flow(): () => void {
    if (!this.leaps) return () => undefined;
    let lastMs = realMs();
    const step = (): void => {
      const passedMs = realMs() - lastMs;
      lastMs += passedMs;
      const untilMs = this.#nowMs + passedMs;
      for (let timer = this.#nextDue(untilMs); timer; timer = this.#nextDue(untilMs)) this.#fire(timer);
      this.#nowMs = Math.max(this.#nowMs, untilMs);
    };
    const flowing = repeat(step, FLOW_MS);
    return () => endRepeat(flowing);
  }

  #fire(timer: FakeTimer): void {
    this.#timers.delete(timer);
    this.#nowMs = Math.max(this.#nowMs, timer.dueAtMs);
    timer.callback();
  }

  async #fireDue(untilMs: number, settle: () => Promise<unknown>): Promise<void> {
    for (let timer = this.#nextDue(untilMs); timer; timer = this.#nextDue(untilMs)) {
      this.#fire(timer);
      await settle();
    }
  }

  #nextDue(untilMs: number): FakeTimer | undefined {
    let next: FakeTimer | undefined;
    for (const timer of this.#timers) {
      if (this.leaps && timer.purpose === 'upkeep') continue;
      if (timer.dueAtMs <= untilMs && (!next || timer.dueAtMs < next.dueAtMs)) next = timer;
    }
    return next;
  }

  /** Each timer once, however often it would have fired. */
  #fireUpkeep(): boolean {
    const due = [...this.#timers].filter(({ purpose, dueAtMs }) => purpose === 'upkeep' && dueAtMs <= this.#nowMs);
    for (const timer of due.sort((a, b) => a.dueAtMs - b.dueAtMs)) {
      if (this.#timers.delete(timer)) timer.callback(); // unless an earlier one has cleared it
    }
    return due.length > 0;
  }

  /** What is due by the time of day was looked for again within seconds, were it not for the leaps. */
  #hurryAfterSet(): void {
    if (!this.#wasSet) return;
    this.#wasSet = false;
    if (!this.leaps) return;
    for (const timer of this.#timers) {
      if (timer.purpose === 'due') timer.dueAtMs = Math.min(timer.dueAtMs, this.#nowMs);
    }
  }
}

async function someTurns(): Promise<void> {
  for (let turn = 0; turn < SETTLE_TURNS; turn++) await new Promise<void>((resolve) => nextTurn(resolve));
}
