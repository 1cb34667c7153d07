import { utcDay } from '../../wire/unix-time.js';
import { DAILY_COUNTS_LIFE_MS, type DailyCount } from '../contract/queues.js';

type DayCount = Omit<DailyCount, 'day'>;

const DAY_MS = 86_400_000;
const NONE: DayCount = { processed: 0, failed: 0 };

/** Counters of a queue's attempts: in total, and by UTC day. */
export class Counters {
  private totals = NONE;
  private readonly byDay = new Map<string, DayCount>();
  /** The day of the last attempt, and when it begins and ends. */
  private last = { day: '', fromMs: 0, untilMs: 0 };

  get total(): DayCount {
    return this.totals;
  }

  /** By day, `yyyy-mm-dd`. */
  get days(): ReadonlyMap<string, DayCount> {
    return this.byDay;
  }

  on(day: string): DayCount {
    return this.byDay.get(day) ?? NONE;
  }

  /** Counts an ended attempt. */
  count(nowMs: number, isFailure: boolean): void {
    const day = this.dayOf(nowMs);
    if (!this.byDay.has(day)) this.forgetBefore(utcDay(nowMs - DAILY_COUNTS_LIFE_MS));
    this.byDay.set(day, plusOne(this.on(day), isFailure));
    this.totals = plusOne(this.totals, isFailure);
  }

  private dayOf(nowMs: number): string {
    if (nowMs < this.last.fromMs || nowMs >= this.last.untilMs) {
      const fromMs = Math.floor(nowMs / DAY_MS) * DAY_MS;
      this.last = { day: utcDay(nowMs), fromMs, untilMs: fromMs + DAY_MS };
    }
    return this.last.day;
  }

  private forgetBefore(firstDay: string): void {
    for (const day of this.byDay.keys()) if (day < firstDay) this.byDay.delete(day);
  }
}

function plusOne({ processed, failed }: DayCount, isFailure: boolean): DayCount {
  return { processed: processed + 1, failed: failed + (isFailure ? 1 : 0) };
}
