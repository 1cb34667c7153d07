import type { Clock, TimerHandle } from '../runtime/clock.js';
import { type Duration, toMs } from '../runtime/duration.js';

/** The default start of a fake clock, 2023-11-14T22:13:20Z. */
const DEFAULT_NOW_MS = 1_700_000_000_000;

/**
 * Turns of the event loop between two timers. One is enough for promises; the others let chains of callbacks that wait
 * for the next turn complete.
 */
const SETTLE_TURNS = 10;

/** Taken at load time, so that a test runner's fake timers cannot stop this clock. */
const nextTurn = globalThis.setImmediate;

interface FakeTimer {
  readonly callback: () => void;
  readonly dueAtMs: number;
}

/**
 * A clock that stands still until a test advances it. Pass it to the broker; all timestamps and waits follow it:
 *
 * ```ts
 * const clock = new FakeClock();
 * const broker = openBroker('memory', { clock });
 * // start a server on it, enqueue a reminder with `processIn: '10m'`, then:
 * await clock.advance('10m'); // the reminder has been sent
 * ```
 */
export class FakeClock implements Clock {
  #nowMs: number;
  /** The difference between the time of day and the monotonic time; `set` changes it. */
  #setByMs = 0;
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
  }

  /** As in Node, a delay below 1 ms counts as 1 ms, so that a loop of zero delays cannot block `advance` forever. */
  setTimer(callback: () => void, delayMs: number): TimerHandle {
    const timer: FakeTimer = { callback, dueAtMs: this.#nowMs + (delayMs >= 1 ? delayMs : 1) };
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
  async advance(duration: Duration): Promise<void> {
    const untilMs = this.#nowMs + toMs('duration', duration);
    await settle();
    for (let timer = this.#nextDue(untilMs); timer; timer = this.#nextDue(untilMs)) {
      this.#timers.delete(timer);
      this.#nowMs = Math.max(this.#nowMs, timer.dueAtMs);
      timer.callback();
      await settle();
    }
    this.#nowMs = Math.max(this.#nowMs, untilMs);
  }

  #nextDue(untilMs: number): FakeTimer | undefined {
    let next: FakeTimer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueAtMs <= untilMs && (!next || timer.dueAtMs < next.dueAtMs)) next = timer;
    }
    return next;
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < SETTLE_TURNS; turn++) await new Promise<void>((resolve) => nextTurn(resolve));
}
