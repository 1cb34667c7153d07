/** What Go trims too: white space of JavaScript, and U+0085. */
const BLANK = /^[\s\u0085]*$/;

/**
 * Whether a value is text that is not blank and has a UTF-8 form. Half of a surrogate pair has none, and a protobuf
 * string that holds one cannot be read by Go.
 */
export function isText(value: unknown): value is string {
  return typeof value === 'string' && !BLANK.test(value) && value.isWellFormed();
}
