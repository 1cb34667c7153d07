import { type Clock, monotonicMs, type TimerHandle } from './clock.js';

/** What has a deadline. */
export interface Expiring {
  onPassed(): void;
}

/** A place in {@link Deadlines}. */
export interface Deadline {
  /** By the monotonic clock. */
  readonly atMs: number;
  readonly owner: Expiring;
  earlier: Deadline | undefined;
  later: Deadline | undefined;
  isRemoved: boolean;
}

/**
 * Points in time of many calls, with one timer for the nearest. Kept in their order: most have the same timeout, so
 * a new one goes to the end at once.
 */
export class Deadlines {
  private first: Deadline | undefined;
  private last: Deadline | undefined;
  private timer: TimerHandle;
  /** When the timer fires. It stays when what it was set for has ended. */
  private timerAtMs = Infinity;

  constructor(private readonly clock: Clock) {}

  /** Calls back at a time by the monotonic clock, or later when the event loop is busy; a timer may also fire early. */
  add(atMs: number, owner: Expiring): Deadline {
    let earlier = this.last;
    while (earlier && earlier.atMs > atMs) earlier = earlier.earlier;
    const later = earlier ? earlier.later : this.first;
    const deadline: Deadline = { atMs, owner, earlier, later, isRemoved: false };
    if (earlier) earlier.later = deadline;
    else this.first = deadline;
    if (later) later.earlier = deadline;
    else this.last = deadline;
    if (atMs < this.timerAtMs) this.setTimer();
    return deadline;
  }

  remove(deadline: Deadline): void {
    if (deadline.isRemoved) return;
    const { earlier, later } = deadline;
    if (earlier) earlier.later = later;
    else this.first = later;
    if (later) later.earlier = earlier;
    else this.last = earlier;
    deadline.isRemoved = true;
  }

  private setTimer(): void {
    this.clock.clearTimer(this.timer);
    this.timerAtMs = this.first?.atMs ?? Infinity;
    if (this.first) this.timer = this.clock.setTimer(() => this.fire(), this.timerAtMs - monotonicMs(this.clock));
  }

  private fire(): void {
    const firedForMs = this.timerAtMs;
    this.timerAtMs = Infinity;
    // Those that the timer was set for, even if it fired early: the caller checks the time, and adds itself again.
    const untilMs = Math.max(firedForMs, monotonicMs(this.clock));
    const passed: Deadline[] = [];
    while (this.first && this.first.atMs <= untilMs) {
      passed.push(this.first);
      this.remove(this.first);
    }
    this.setTimer();
    for (const { owner } of passed) owner.onPassed();
  }
}
