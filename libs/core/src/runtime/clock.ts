/** A pending timer of a {@link Clock}. */
export type TimerHandle = unknown;

/**
 * What a timer is for. `due`: a step that reads the time and finds out by itself what is due. `upkeep`: a check that is
 * repeated forever, such as the extension of leases. Default: neither.
 */
export type TimerPurpose = 'due' | 'upkeep';

/**
 * The source of time. All waits and timestamps go through a clock, so that a test can control it (`FakeClock` in the
 * testing entry point).
 */
export interface Clock {
  /** Unix time in milliseconds. It may be set, so the difference between two readings is not a duration. */
  nowMs(): number;
  /** Unix time in nanoseconds; a `bigint`, because it does not fit a number. */
  nowNs(): bigint;
  /** Monotonic time in milliseconds, to measure durations. Default: this machine's. */
  monotonicMs?(): number;
  /** Calls `callback` once after `delayMs`. The timer does not keep the process alive. */
  setTimer(callback: () => void, delayMs: number, purpose?: TimerPurpose): TimerHandle;
  clearTimer(timer: TimerHandle): void;
  /**
   * `true`: time stands still until a test moves it, then it jumps from one event to the next. Nothing can be lost in
   * between, so servers keep their leases instead of extending them. Default `false`.
   */
  readonly leaps?: boolean | undefined;
  /**
   * Of a clock that stands still: lets time pass as it does on this machine, until the returned function is called. A
   * server does so while it shuts down, or a handler that does not end would keep it waiting for ever.
   */
  flow?(): () => void;
}

/** The methods that a clock must have. */
export const CLOCK_METHODS = ['nowMs', 'nowNs', 'setTimer', 'clearTimer'] as const satisfies readonly (keyof Clock)[];

/** Node clamps longer timers to 1 ms; callers wait longer in a loop. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * What `performance.now()` of this thread lacks to the time that all threads of the process share. `hrtime.bigint()` gives that
 * one, but takes nearly twice as long and leaves garbage.
 */
const threadOriginMs = measureThreadOriginMs();

/** Of several measurements the one that took least time: the thread may lose its core in between. */
function measureThreadOriginMs(): number {
  let best = { tookMs: Infinity, originMs: 0 };
  for (let n = 0; n < 5; n++) {
    const beforeMs = performance.now();
    const sharedMs = Number(process.hrtime.bigint()) / 1e6;
    const afterMs = performance.now();
    const tookMs = afterMs - beforeMs;
    if (tookMs < best.tookMs) best = { tookMs, originMs: sharedMs - (beforeMs + afterMs) / 2 };
  }
  return best.originMs;
}

/** The clock of this machine. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  nowNs: () => BigInt(Date.now()) * 1_000_000n + (process.hrtime.bigint() % 1_000_000n),
  monotonicMs: () => threadOriginMs + performance.now(),
  setTimer: (callback, delayMs) => setTimeout(callback, Math.min(Math.max(delayMs, 0), LONGEST_TIMER_MS)).unref(),
  clearTimer: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

/** The monotonic time of a clock, to measure durations. */
export function monotonicMs(clock: Clock): number {
  return clock.monotonicMs?.() ?? systemClock.monotonicMs!();
}

/** Resolves after `delayMs`, or at once when `signal` aborts. Never rejects: callers check their signal. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = (): void => {
      clock.clearTimer(timer);
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const timer = clock.setTimer(finish, delayMs);
    signal?.addEventListener('abort', finish, { once: true });
  });
}
