import { UsageError } from '../usage.error.js';

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3, // U+00B5
  μs: 1e-3, // U+03BC
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};
const PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/gy;

/** Formats a duration as Go does, rounded to whole seconds: `0s`, `1m30s`, `24h0m0s`. */
export function goDuration(ms: number): string {
  const totalS = Math.round(Math.abs(ms) / 1_000);
  const [h, m, s] = [Math.floor(totalS / 3_600), Math.floor(totalS / 60) % 60, totalS % 60];
  const text = h > 0 ? `${h}h${m}m${s}s` : m > 0 ? `${m}m${s}s` : `${s}s`;
  return ms < 0 && totalS > 0 ? `-${text}` : text;
}

/**
 * Parses a duration in Go's form to milliseconds: `90s`, `1h30m`, `1.5h`, `0`.
 * @throws {UsageError} not a duration, or negative
 */
export function parseGoDuration(option: string, text: string): number {
  if (text === '0') return 0;
  let ms = 0;
  let end = 0;
  for (const [part, amount, unit] of text.matchAll(PART)) {
    ms += Number(amount) * UNIT_MS[unit!]!;
    end += part.length;
  }
  if (text === '' || end !== text.length) {
    throw new UsageError(`--${option} is "${text}": a duration such as 30s, 10m or 1h30m expected`);
  }
  return ms;
}
