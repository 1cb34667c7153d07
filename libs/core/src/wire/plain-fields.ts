/** Fields of protobuf records in their usual form: ASCII text and small numbers. A field with a default value is left out. */

const LARGEST_INT32 = 2 ** 31 - 1;

/** Whether an int32 is not negative. */
export const isSmall = (value: number): boolean => Number.isInteger(value) && value >= 0 && value <= LARGEST_INT32;

/** An int64 as a number; -1: negative or large. */
export function smallOf(value: bigint): number {
  if (value === 0n) return 0; // most fields of most messages
  return value > 0n && value <= Number.MAX_SAFE_INTEGER ? Number(value) : -1;
}

function lengthOfVarint(value: number): number {
  let length = 1;
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) length++;
  return length;
}

/** Bytes of a field with its tag. */
export const lengthOfNumber = (value: number): number => (value === 0 ? 0 : 1 + lengthOfVarint(value));
/** The same for text or bytes of this length. */
export const lengthOfText = (length: number): number => (length === 0 ? 0 : 1 + lengthOfVarint(length) + length);

/** These write into the bytes, and return where the next field begins. */
export function putVarint(bytes: Buffer, start: number, value: number): number {
  let at = start;
  let rest = value;
  while (rest > 127) {
    bytes[at++] = (rest % 128) | 128;
    rest = Math.floor(rest / 128);
  }
  bytes[at++] = rest;
  return at;
}

export function putNumber(bytes: Buffer, at: number, tag: number, value: number): number {
  if (value === 0) return at;
  bytes[at] = tag;
  return putVarint(bytes, at + 1, value);
}

/** NaN: the text is not ASCII. */
export function putText(bytes: Buffer, start: number, tag: number, text: string): number {
  if (text.length === 0) return start;
  bytes[start] = tag;
  const at = putVarint(bytes, start + 1, text.length);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 127) return Number.NaN;
    bytes[at + i] = unit;
  }
  return at + text.length;
}
