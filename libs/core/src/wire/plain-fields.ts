/** Fields of protobuf records in their usual form: ASCII text and small numbers. A field with a default value is left out. */

/** Bytes of the longest varint that is read here: numbers below 2^49. */
const LONGEST_VARINT = 7;

const LARGEST_INT32 = 2 ** 31 - 1;

/** Whether an int32 is not negative. */
export const isSmall = (value: number): boolean => Number.isInteger(value) && value >= 0 && value <= LARGEST_INT32;

/** An int64 as a number; -1: negative or large. */
export function smallOf(value: bigint): number {
  if (value === 0n) return 0; // most fields of most messages
  return value > 0n && value <= Number.MAX_SAFE_INTEGER ? Number(value) : -1;
}

/** Bytes of a number without a tag. */
export function lengthOfVarint(value: number): number {
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

/** Bytes of a map from text to text, one field per entry; NaN: an entry with an empty name or value, which has a form of its own. */
export function lengthOfMap(entries: Readonly<Record<string, string>>): number {
  let length = 0;
  for (const name in entries) {
    const value = entries[name]!;
    length += name === '' || value === '' ? Number.NaN : lengthOfText(lengthOfEntry(name, value));
  }
  return length;
}

const lengthOfEntry = (name: string, value: string): number => lengthOfText(name.length) + lengthOfText(value.length);

const NAME = (1 << 3) | 2;
const VALUE = (2 << 3) | 2;

/** NaN: a text is not ASCII. */
export function putMap(bytes: Buffer, start: number, tag: number, entries: Readonly<Record<string, string>>): number {
  let at = start;
  for (const name in entries) {
    const value = entries[name]!;
    bytes[at] = tag;
    at = putVarint(bytes, at + 1, lengthOfEntry(name, value));
    at = putText(bytes, at, NAME, name);
    at = putText(bytes, at, VALUE, value);
  }
  return at;
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

/** The number at a place; -1: it is negative or large, does not end, or takes more bytes than it needs. */
export function varintAt(bytes: Uint8Array, start: number): number {
  let value = 0;
  let factor = 1;
  const end = Math.min(bytes.length, start + LONGEST_VARINT);
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (byte < 128) return byte === 0 && at > start ? -1 : value + byte * factor;
    value += (byte - 128) * factor;
    factor *= 128;
  }
  return -1;
}

/**
 * Adds the entry at a place, as {@link putMap} writes it. `false`: it is none, has an empty name or value, text that is not ASCII, or a
 * name that is no ordinary property.
 */
export function addEntry(entries: Record<string, string>, bytes: Buffer, start: number, end: number): boolean {
  const nameLength = lengthAt(bytes, start, NAME);
  const nameAt = start + 1 + lengthOfVarint(nameLength);
  const nameEnd = nameAt + nameLength;
  const valueLength = lengthAt(bytes, nameEnd, VALUE);
  const valueAt = nameEnd + 1 + lengthOfVarint(valueLength);
  if (nameLength <= 0 || valueLength <= 0 || valueAt + valueLength !== end) return false;
  const name = textAt(bytes, nameAt, nameEnd, '');
  const value = textAt(bytes, valueAt, end, '');
  if (name === undefined || value === undefined || name === '__proto__') return false;
  entries[name] = value;
  return true;
}

/** The length of the text of a field; -1: it is not such a field. */
const lengthAt = (bytes: Buffer, at: number, tag: number): number => (bytes[at] === tag ? varintAt(bytes, at + 1) : -1);

/** The text at a place: `known` itself, if it is that. `undefined`: it is not ASCII. */
export function textAt(bytes: Buffer, start: number, end: number, known: string): string | undefined {
  if (isTextAt(bytes, start, end, known)) return known;
  for (let at = start; at < end; at++) if (bytes[at]! > 127) return undefined;
  return bytes.toString('latin1', start, end);
}

function isTextAt(bytes: Buffer, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false;
  for (let i = 0; i < text.length; i++) {
    const byte = bytes[start + i]!;
    if (byte > 127 || byte !== text.charCodeAt(i)) return false;
  }
  return true;
}
