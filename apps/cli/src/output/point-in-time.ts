import { UsageError } from '../usage.error.js';
import { parseGoDuration } from './go-duration.js';

const DAY_MS = 24 * 3_600_000;
const RFC_3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;
const LOCAL_TIME = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d)?$/;
const DATE = /^\d{4}-\d\d-\d\d$/;
const RELATIVE = /^([+-]?)(?:(\d+)d)?(.*)$/s;

interface PointOptions {
  readonly nowMs: number;
  /** Of a date without a time: the last moment of the day. Default: the first. */
  readonly isEnd?: boolean;
}

/**
 * Parses a time: RFC 3339; without a zone, or a date alone, in the zone of this machine; or a length: `24h` and `-24h` ago,
 * `+1h` ahead, `7d` for days.
 * @throws {UsageError} none of these
 */
export function parsePointInTime(option: string, text: string, { nowMs, isEnd = false }: PointOptions): Date {
  const date = absoluteTime(text, isEnd) ?? relativeTime(option, text, nowMs);
  if (date && !Number.isNaN(date.getTime())) return date;
  throw new UsageError(
    `--${option} is "${text}": a time such as 2030-01-31T12:00:00Z, 2030-01-31 or 24h (that long ago) expected`,
  );
}

function absoluteTime(text: string, isEnd: boolean): Date | undefined {
  if (RFC_3339.test(text)) return rfc3339Time(text);
  if (LOCAL_TIME.test(text)) return isDay(text) ? new Date(text) : undefined;
  if (!DATE.test(text) || !isDay(text)) return undefined;
  const [year, month, day] = text.split('-').map(Number) as [number, number, number];
  return isEnd ? new Date(new Date(year, month - 1, day + 1).getTime() - 1) : new Date(year, month - 1, day);
}

/** A time in RFC 3339; `undefined` for any other text. */
export function rfc3339Time(text: string): Date | undefined {
  const time = RFC_3339.test(text) && isDay(text) ? new Date(text) : undefined;
  return time && Number.isNaN(time.getTime()) ? undefined : time;
}

/** Whether the calendar has the day: JavaScript takes the 31st of February for the 3rd of March. */
function isDay(text: string): boolean {
  const day = text.slice(0, 'yyyy-mm-dd'.length);
  const midnight = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(day);
}

function relativeTime(option: string, text: string, nowMs: number): Date | undefined {
  const [, sign, days, rest = ''] = RELATIVE.exec(text)!;
  if (days === undefined && !/^[\d.]/.test(rest)) return undefined;
  try {
    const lengthMs = Number(days ?? 0) * DAY_MS + (rest === '' ? 0 : parseGoDuration(option, rest));
    return new Date(nowMs + (sign === '+' ? lengthMs : -lengthMs));
  } catch (error) {
    if (error instanceof UsageError) return undefined; // the message of the caller names all forms
    throw error;
  }
}
