import { goDuration } from './go-duration.js';

/** Printable by Go's definition: letters, marks, numbers, punctuation, symbols and the ASCII space. */
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]*$/u;
const ASCII = /^[\x20-\x7E]*$/;
/** Would move the cursor or break a line of a table. */
const UNPRINTABLE = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu;

/** Text of a task on one line, with control characters escaped. */
export function oneLine(text: string): string {
  if (ASCII.test(text)) return text;
  return text.replaceAll(UNPRINTABLE, (char) => {
    if (/[\p{Zs}]/u.test(char)) return ' ';
    const escaped = JSON.stringify(char).slice(1, -1);
    return escaped === char ? `\\u${char.codePointAt(0)!.toString(16).padStart(4, '0')}` : escaped;
  });
}

/** Payload or result, as asynq shows it. */
export function bytesCell(bytes: Uint8Array | undefined): string {
  const text = textOf(bytes ?? new Uint8Array());
  return text !== undefined && PRINTABLE.test(text) && text.trim() !== '' ? text : 'non-printable bytes';
}

const UTF_8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The bytes as UTF-8 text; `undefined` when they are not. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    return UTF_8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** A time in the zone of this machine, as `date` writes it: `Thu Mar  5 07:08:09 UTC 2026`; empty for none. */
export function dateCell(date: Date | undefined): string {
  if (!date) return '';
  const parts = Object.fromEntries(
    dateParts()
      .formatToParts(date)
      .map(({ type, value }) => [type, value]),
  );
  const { weekday, month, day = '', hour, minute, second, year } = parts;
  return `${weekday} ${month} ${day.padStart(2)} ${hour}:${minute}:${second} ${zoneName(date)} ${year}`;
}

let dateFormat: Intl.DateTimeFormat | undefined;

/** Created on first use: it takes milliseconds. */
const dateParts = (): Intl.DateTimeFormat =>
  (dateFormat ??= new Intl.DateTimeFormat('en-US', {
    weekday: 'short',
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
    year: 'numeric',
  }));

/** Each locale has short names for its own zones: Berlin is `GMT+1` in America and `CET` in Britain. */
const LOCALES = ['en-US', 'en-GB', 'en-AU', 'en-ZA', 'en-IN', 'en-SG', 'en-HK', 'ja'];

/** Short name of the zone of this machine, or of another: `CET`; `GMT+3` where there is none. */
export function zoneName(date: Date, timeZone?: string): string {
  let name = '';
  for (const locale of LOCALES) {
    const parts = zoneFormat(locale, timeZone).formatToParts(date);
    const { value = '' } = parts.find(({ type }) => type === 'timeZoneName') ?? {};
    if (/^[A-Z]+$/.test(value)) return value;
    name ||= value;
  }
  return name;
}

const zoneFormats = new Map<string, Intl.DateTimeFormat>();

function zoneFormat(locale: string, timeZone: string | undefined): Intl.DateTimeFormat {
  const key = `${locale} ${timeZone}`;
  const format = zoneFormats.get(key) ?? new Intl.DateTimeFormat(locale, { timeZone, timeZoneName: 'short' });
  zoneFormats.set(key, format);
  return format;
}

/** The day of a time, `yyyy-mm-dd`. */
export function utcDay(date: Date): string {
  return date.toISOString().slice(0, 10);
}

/** When a waiting task is due, seen from now: `in 1m30s`, `right now`. */
export function dueCell(date: Date | undefined, nowMs: number): string {
  if (!date) return '';
  return date.getTime() < nowMs ? 'right now' : `in ${goDuration(date.getTime() - nowMs)}`;
}

/** How long ago: `5s ago`. */
export function agoCell(date: Date, nowMs: number): string {
  return `${goDuration(nowMs - date.getTime())} ago`;
}

/** Share of failed attempts: `12.50%`, `N/A` without any. */
export function errorRateCell(processed: number, failed: number): string {
  return processed === 0 ? 'N/A' : `${((failed / processed) * 100).toFixed(2)}%`;
}
