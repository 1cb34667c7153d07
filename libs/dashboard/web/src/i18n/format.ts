/** Writes numbers, times and lengths as the locale does. */
export class Format {
  readonly numbers: Intl.NumberFormat;
  private readonly compactNumbers: Intl.NumberFormat;
  private readonly relative: Intl.RelativeTimeFormat;
  private readonly percents: Intl.NumberFormat;
  private readonly dateTimes: Intl.DateTimeFormat;
  private readonly times: Intl.DateTimeFormat;
  private readonly exactTimes: Intl.DateTimeFormat;
  private readonly days: Intl.DateTimeFormat;
  private readonly clocks: Intl.DateTimeFormat;
  private readonly units = new Map<string, Intl.NumberFormat>();

  constructor(
    private readonly locale: string,
    readonly zone: 'local' | 'utc',
  ) {
    const timeZone = zone === 'utc' ? { timeZone: 'UTC' } : {};
    this.numbers = new Intl.NumberFormat(locale, { maximumFractionDigits: 2 });
    this.compactNumbers = new Intl.NumberFormat(locale, { notation: 'compact', maximumFractionDigits: 1 });
    this.percents = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 1 });
    this.relative = new Intl.RelativeTimeFormat(locale, { style: 'short' });
    const day = { month: 'short', day: 'numeric' } as const;
    const clock = { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' } as const;
    this.dateTimes = new Intl.DateTimeFormat(locale, { ...day, year: 'numeric', ...clock, ...timeZone });
    this.times = new Intl.DateTimeFormat(locale, { ...day, ...clock, ...timeZone });
    this.exactTimes = new Intl.DateTimeFormat(locale, {
      ...day,
      year: 'numeric',
      ...clock,
      fractionalSecondDigits: 3,
      timeZoneName: 'short',
      ...timeZone,
    });
    this.days = new Intl.DateTimeFormat(locale, { ...day, weekday: 'short', timeZone: 'UTC' });
    this.clocks = new Intl.DateTimeFormat(locale, {
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
      ...timeZone,
    });
  }

  number(value: number): string {
    return this.numbers.format(value);
  }

  /** Short, for charts and narrow places: 1.2M. */
  compact(value: number): string {
    return Math.abs(value) < 10_000 ? this.numbers.format(value) : this.compactNumbers.format(value);
  }

  percent(share: number): string {
    // Never "0 %" for a few, nor "100 %" for nearly all.
    const shown = share > 0 && share < 0.001 ? 0.001 : share < 1 && share > 0.999 ? 0.999 : share;
    return this.percents.format(shown);
  }

  /** Attempts per second. */
  rate(perS: number): string {
    return this.numbers.format(perS >= 100 ? Math.round(perS) : Number(perS.toPrecision(3)));
  }

  bytes(bytes: number): string {
    const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'];
    const power = Math.min(units.length - 1, bytes < 1_000 ? 0 : Math.floor(Math.log10(bytes) / 3));
    return this.unit(bytes / 1_000 ** power, units[power]!, power === 0 ? 0 : 1, power === 0 ? 'long' : 'short');
  }

  /** A length of time by its largest unit, and the next one where the first is small: `25 min`, `1 hr 20 min`. */
  duration(ms: number, unitDisplay: 'short' | 'narrow' = 'short'): string {
    const of = (value: number, unit: string, digits = 0): string => this.unit(value, unit, digits, unitDisplay);
    if (ms < 1_000) return of(Math.round(ms), 'millisecond');
    if (ms < 60_000) return of(ms / 1_000, 'second', ms < 9_950 ? 1 : 0);
    const minutes = Math.floor(ms / 60_000);
    if (minutes < 60) return of(minutes, 'minute');
    const hours = Math.floor(minutes / 60);
    if (hours < 24) return join(of(hours, 'hour'), hours < 10 && minutes % 60 > 0 && of(minutes % 60, 'minute'));
    const days = Math.floor(hours / 24);
    return join(of(days, 'day'), days < 10 && hours % 24 > 0 && of(hours % 24, 'hour'));
  }

  /** How long ago, or in what time. */
  ago(atMs: number, nowMs: number): string {
    const ms = atMs - nowMs;
    const length = Math.abs(ms);
    if (length < 59_500) return this.relative.format(Math.round(ms / 1_000), 'second');
    if (length < 3_570_000) return this.relative.format(Math.round(ms / 60_000), 'minute');
    if (length < 48 * 3_600_000) return this.relative.format(Math.round(ms / 3_600_000), 'hour');
    if (length < 90 * 86_400_000) return this.relative.format(Math.round(ms / 86_400_000), 'day');
    return this.relative.format(Math.round(ms / (365.25 * 86_400_000)) || Math.sign(ms), 'year');
  }

  /** A point in time; without the year when it is this one. */
  at(atMs: number): string {
    const date = new Date(atMs);
    const isThisYear = date.getFullYear() === new Date().getFullYear();
    return (isThisYear ? this.times : this.dateTimes).format(date);
  }

  /** With milliseconds and the time zone. */
  exactly(atMs: number): string {
    return this.exactTimes.format(new Date(atMs));
  }

  /** Hours and minutes, for the axis of a chart. */
  clock(atMs: number): string {
    return this.clocks.format(new Date(atMs));
  }

  /** A UTC day, from `yyyy-mm-dd`. */
  day(day: string): string {
    return this.days.format(new Date(`${day}T00:00:00Z`));
  }

  private unit(value: number, unit: string, digits: number, unitDisplay: 'short' | 'narrow' | 'long'): string {
    const key = unit + digits + unitDisplay;
    let format = this.units.get(key);
    if (!format) {
      format = new Intl.NumberFormat(this.locale, { style: 'unit', unit, unitDisplay, maximumFractionDigits: digits });
      this.units.set(key, format);
    }
    return format.format(value);
  }
}

function join(first: string, second: string | false): string {
  return second === false ? first : `${first} ${second}`;
}

/** UTC, as in logs. */
export const utc = (atMs: number): string => `${new Date(atMs).toISOString().replace('T', ' ').replace('Z', '')} UTC`;
