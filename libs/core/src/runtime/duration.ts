import ms, { type StringValue } from 'ms';
import { InvalidOptionsError, type OptionProblem } from '../errors/invalid-options.error.js';

/** A length of time: milliseconds as a number, or text as the `ms` package reads it (`'500ms'`, `'10s'`, `'15m'`, `'2 days'`). */
export type Duration = number | StringValue;

/** Reads a duration as milliseconds; `undefined` when it is not one. */
export function durationMs(value: unknown): number | undefined {
  const read = typeof value === 'string' && value.length > 0 && value.length <= 100 ? ms(value as StringValue) : value;
  return typeof read === 'number' && Number.isFinite(read) ? read : undefined;
}

export interface DurationBounds {
  readonly minMs?: number;
  readonly maxMs?: number;
}

/** Explains what is wrong with a duration option, or returns `undefined` when it is fine. */
export function durationProblem(
  option: string,
  value: unknown,
  bounds: DurationBounds = {},
): OptionProblem | undefined {
  const { minMs = 0, maxMs = Number.MAX_SAFE_INTEGER } = bounds;
  const read = durationMs(value);
  if (read !== undefined && read >= minMs && read <= maxMs) return undefined;
  const atMost = maxMs === Number.MAX_SAFE_INTEGER ? '' : ` and at most ${ms(maxMs)}`;
  return { option, value, allowed: `milliseconds or text such as '10s', at least ${ms(minMs)}${atMost}` };
}

/**
 * Milliseconds of a duration option.
 * @throws {InvalidOptionsError} it is not a duration, or out of bounds
 */
export function toMs(option: string, value: unknown, bounds?: DurationBounds): number {
  const problem = durationProblem(option, value, bounds);
  if (problem) throw new InvalidOptionsError([problem]);
  return durationMs(value)!;
}
