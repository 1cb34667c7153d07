import type { CronField, FIELD_KINDS } from './cron-field.js';
import type { TimeZone } from './time-zone.js';

/** The ticks of a schedule: whole seconds, computed in advance. All times in unix ms. */
export interface TickTimes {
  /**
   * The first tick after `afterMs`; `undefined`: there is none.
   * @param sinceMs the start of the intervals, so that every scheduler finds the same ticks
   */
  next(afterMs: number, sinceMs: number): number | undefined;
}

const DAY_MS = 86_400_000;

/** How many years ahead to search for a matching day, as in robfig/cron. */
const YEARS_AHEAD = 5;

/** `@every`: a constant interval, independent of clock changes. */
export class IntervalTicks implements TickTimes {
  /** @param everyMs whole seconds, at least one */
  constructor(private readonly everyMs: number) {}

  next(afterMs: number, sinceMs: number): number {
    const startMs = Math.floor(sinceMs / 1000) * 1000;
    const passed = Math.floor((afterMs - startMs) / this.everyMs);
    return startMs + (passed + 1) * this.everyMs;
  }
}

/** The six fields of a cron spec. */
export type CronFields = Readonly<Record<keyof typeof FIELD_KINDS, CronField>>;

/**
 * Every second whose local time matches the fields. A local time that is skipped by a clock change does not fire that
 * day, one that occurs twice fires twice.
 */
export class CronTicks implements TickTimes {
  constructor(
    private readonly fields: CronFields,
    private readonly zone: TimeZone,
  ) {}

  next(afterMs: number): number | undefined {
    let fromMs = Math.floor(afterMs / 1000) * 1000 + 1000;
    const untilMs = Date.UTC(new Date(fromMs + this.zone.offsetMs(fromMs)).getUTCFullYear() + YEARS_AHEAD + 1, 0);
    // Between two clock changes local time runs evenly, and the next match is plain arithmetic.
    for (;;) {
      const offsetMs = this.zone.offsetMs(fromMs);
      const matchMs = this.firstMatch(fromMs + offsetMs, untilMs);
      const changeMs = this.zone.nextChange(fromMs, (matchMs ?? untilMs) - offsetMs);
      if (changeMs === undefined) return matchMs === undefined ? undefined : matchMs - offsetMs;
      fromMs = changeMs;
    }
  }

  /** The first matching local time from `fromMs` on. */
  private firstMatch(fromMs: number, untilMs: number): number | undefined {
    const todayMs = Math.floor(fromMs / DAY_MS) * DAY_MS;
    for (let dayMs = todayMs; dayMs < untilMs; dayMs += DAY_MS) {
      if (!this.matchesDay(new Date(dayMs))) continue;
      const timeMs = this.firstTimeOfDay(Math.max(0, fromMs - dayMs));
      if (timeMs !== undefined) return dayMs + timeMs;
    }
    return undefined;
  }

  private matchesDay(day: Date): boolean {
    const { month, dayOfMonth, dayOfWeek } = this.fields;
    if (!month.values.has(day.getUTCMonth() + 1)) return false;
    const fitsMonth = dayOfMonth.values.has(day.getUTCDate());
    const fitsWeek = dayOfWeek.values.has(day.getUTCDay());
    return dayOfMonth.isOpen || dayOfWeek.isOpen ? fitsMonth && fitsWeek : fitsMonth || fitsWeek;
  }

  /** The first matching time of a day from `fromMs` after midnight on, in ms after midnight. */
  private firstTimeOfDay(fromMs: number): number | undefined {
    const { hour, minute, second } = this.fields;
    for (let hourMs = Math.floor(fromMs / 3_600_000) * 3_600_000; hourMs < DAY_MS; hourMs += 3_600_000) {
      if (!hour.values.has(hourMs / 3_600_000)) continue;
      for (const minuteOfHour of ascending(minute)) {
        for (const secondOfMinute of ascending(second)) {
          const timeMs = hourMs + minuteOfHour * 60_000 + secondOfMinute * 1000;
          if (timeMs >= fromMs) return timeMs;
        }
      }
    }
    return undefined;
  }
}

const ascending = ({ values }: CronField): number[] => [...values].sort((a, b) => a - b);
