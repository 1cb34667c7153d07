import type { OptionProblem } from '../errors/invalid-options.error.js';

/** White space of JavaScript, and U+0085, which only Go counts as such. */
const BLANK = /^[\s\u0085]*$/;

/** What is allowed for an option that must be text. */
export const TEXT_ALLOWED = 'text that is not blank, in valid Unicode';

/**
 * Whether a value is text that is not blank and has a UTF-8 form. Half of a surrogate pair has none, and Go cannot read
 * a protobuf string that contains one.
 */
export function isText(value: unknown): value is string {
  return typeof value === 'string' && !BLANK.test(value) && value.isWellFormed();
}

/** The problem of an option that must be text; `undefined` when it is valid. */
export function textProblem(option: string, value: unknown): OptionProblem | undefined {
  return isText(value) ? undefined : { option, value, allowed: TEXT_ALLOWED };
}
