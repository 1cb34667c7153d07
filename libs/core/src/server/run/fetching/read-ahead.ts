/** The pace is measured over so long, and over so many attempts or a part of the window. */
const SHORTEST_MEASURE_MS = 1;
const FEWEST_MEASURED = 16;
const MEASURED_SHARE = 0.5;
/** Most tasks of a queue that are held. */
const MOST_HELD = 1_000;
/** A single measurement proves little: the number grows in steps of this factor, beginning with so many. */
const GROWTH = 4;
const FIRST_HELD = 16;
/** A slow handler counts as one of this many windows, so that fast ones after it are noticed soon. */
const LONGEST_COUNTED = 4;

/**
 * How many tasks of a queue to hold ahead: as many as its attempts of the last moments would use up in the window, if there were
 * always some. None when handlers take longer than the window, so that slow tasks are left to servers with a free slot; one slow
 * attempt counts as much as ten fast ones.
 *
 * Times are by the monotonic clock.
 */
export class ReadAhead {
  private begun = 0;
  private sinceMs = -Infinity;
  /** Since then a slot has been free for lack of tasks. */
  private starvedFromMs = Infinity;
  private starvedMs = 0;
  /** Attempts per ms: a moving average over the window, because a process loses its core now and then. */
  private pace = 0;
  private most = 0;
  /** Duration of attempts; falls slowly, rises at once. */
  private usualMs = Infinity;

  /** @param windowMs 0: nothing is held */
  constructor(private readonly windowMs: number) {}

  noteBegun(): void {
    this.begun += 1;
  }

  noteEnded(durationMs: number): void {
    const countedMs = Math.min(durationMs, LONGEST_COUNTED * this.windowMs);
    if (countedMs >= this.usualMs || this.usualMs === Infinity) this.usualMs = countedMs;
    else this.usualMs += (countedMs - this.usualMs) / 8;
  }

  /** A slot is free, and tasks are on their way. */
  noteStarved(nowMs: number): void {
    this.starvedFromMs = Math.min(this.starvedFromMs, nowMs);
  }

  /** They have arrived. */
  noteFed(nowMs: number): void {
    this.starvedMs += Math.max(0, nowMs - this.starvedFromMs);
    this.starvedFromMs = Infinity;
  }

  /** Held tasks waited too long: none are held until the next attempts have ended. */
  pause(): void {
    this.usualMs = Infinity;
    this.most = 0;
  }

  target(nowMs: number): number {
    const passedMs = nowMs - this.sinceMs;
    const busyMs = passedMs - this.starvedMs - Math.max(0, nowMs - this.starvedFromMs);
    const isSound = busyMs >= SHORTEST_MEASURE_MS && this.begun >= FEWEST_MEASURED;
    if (isSound || passedMs >= MEASURED_SHARE * this.windowMs) this.measure(nowMs, busyMs);
    return this.usualMs < this.windowMs ? this.most : 0;
  }

  private measure(nowMs: number, busyMs: number): void {
    const measuredMs = Math.max(busyMs, SHORTEST_MEASURE_MS);
    const weight = this.pace === 0 ? 1 : Math.min(1, measuredMs / this.windowMs);
    this.pace = (1 - weight) * this.pace + (weight * this.begun) / measuredMs;
    const used = Math.floor(this.pace * this.windowMs);
    this.most = Math.min(used, MOST_HELD, GROWTH * this.most + FIRST_HELD);
    this.begun = 0;
    this.sinceMs = nowMs;
    this.starvedMs = 0;
    if (this.starvedFromMs < nowMs) this.starvedFromMs = nowMs;
  }
}
