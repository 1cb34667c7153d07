import ms, { type StringValue } from 'ms';
import { InvalidOptionsError, type OptionProblem } from '../errors/invalid-options.error.js';

/**
 * A duration: milliseconds as a number, or text in the format of the `ms` package (`'500ms'`, `'10s'`, `'15m'`, `'2
 * days'`).
 */
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

/** The problem of a duration option; `undefined` when it is valid. */
export function durationProblem(
  option: string,
  value: unknown,
  bounds: DurationBounds = {},
): OptionProblem | undefined {
  const { minMs = 0, maxMs = Number.MAX_SAFE_INTEGER } = bounds;
  const read = durationMs(value);
  if (read !== undefined && read >= minMs && read <= maxMs) return undefined;
  const atMost = maxMs === Number.MAX_SAFE_INTEGER ? '' : ` and at most ${exactText(maxMs)}`;
  return { option, value, allowed: `milliseconds or text such as '10s', at least ${exactText(minMs)}${atMost}` };
}

/** In the largest unit that does not round it: a bound that is named must be allowed. */
function exactText(lengthMs: number): string {
  const text = ms(lengthMs);
  return ms(text as StringValue) === lengthMs ? text : `${lengthMs}ms`;
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
