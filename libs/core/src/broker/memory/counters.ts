import { utcDay } from '../../wire/unix-time.js';

/** How long the counters of a day are kept, as in asynq. */
const KEPT_MS = 90 * 24 * 3600 * 1000;

export interface DayCount {
  readonly processed: number;
  readonly failed: number;
}

const NONE: DayCount = { processed: 0, failed: 0 };

/** What became of a queue's attempts: ever, and by UTC day. */
export class Counters {
  #total = NONE;
  readonly #days = new Map<string, DayCount>();

  get total(): DayCount {
    return this.#total;
  }

  /** By day, `yyyy-mm-dd`. */
  get days(): ReadonlyMap<string, DayCount> {
    return this.#days;
  }

  on(day: string): DayCount {
    return this.#days.get(day) ?? NONE;
  }

  /** Counts one attempt that ended. */
  count(nowMs: number, isFailure: boolean): void {
    const day = utcDay(nowMs);
    if (!this.#days.has(day)) this.#forgetBefore(utcDay(nowMs - KEPT_MS));
    this.#days.set(day, plusOne(this.on(day), isFailure));
    this.#total = plusOne(this.#total, isFailure);
  }

  #forgetBefore(firstDay: string): void {
    for (const day of this.#days.keys()) if (day < firstDay) this.#days.delete(day);
  }
}

function plusOne({ processed, failed }: DayCount, isFailure: boolean): DayCount {
  return { processed: processed + 1, failed: failed + (isFailure ? 1 : 0) };
}
