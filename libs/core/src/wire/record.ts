import { MessageDecodeError } from '../errors/message-decode.error.js';
import type { Int64, RecordCodec, TimestampFields } from './asynq.generated.js';
import { joinNs, splitNs } from './unix-time.js';

/** Conversions between the generated records and our own types, shared by all five. */

/** @throws {MessageDecodeError} the bytes are truncated or malformed, or contain text that is not UTF-8 */
export function decodeRecord<Fields>(name: string, record: RecordCodec<Fields>, bytes: Uint8Array): Fields {
  try {
    return record.decode(bytes);
  } catch (cause) {
    throw new MessageDecodeError(name, { cause });
  }
}

/**
 * Replaces halves of surrogate pairs by U+FFFD. The runtime would write them unchanged, and Go refuses the whole
 * record.
 */
export const wellFormed = (text: string): string => text.toWellFormed();

/** {@link wellFormed} for the keys of a map, and for its values when they are text. */
export function wellFormedMap<Value extends string | number>(
  map: Readonly<Record<string, Value>>,
): Record<string, Value>;
export function wellFormedMap(map: Readonly<Record<string, string | number>>): Record<string, string | number> {
  return Object.fromEntries(
    Object.entries(map).map(([key, value]) => [wellFormed(key), typeof value === 'string' ? wellFormed(value) : value]),
  );
}

/** A plain view: the runtime returns a `Buffer` or not, like the input, and an empty `Buffer` for no bytes. */
export const plainBytes = ({ buffer, byteOffset, byteLength }: Uint8Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

const ZERO: Int64 = { low: 0, high: 0 };

/** Wraps beyond 64 bits. */
export function toInt64(value: bigint): Int64 {
  if (value === 0n) return ZERO; // most fields of most messages
  return { low: Number(BigInt.asIntN(32, value)), high: Number(BigInt.asIntN(32, value >> 32n)) };
}

export function fromInt64({ low, high }: Int64): bigint {
  if (high === 0) return BigInt(low >>> 0); // most values; spares a shift
  return (BigInt(high) << 32n) | BigInt(low >>> 0);
}

/** asynq writes every timestamp, also 1970 and "never"; 0.24 skips a record without one. */
export function toTimestamp(atNs: bigint): TimestampFields {
  const { seconds, nanos } = splitNs(atNs);
  return { seconds: toInt64(seconds), nanos };
}

/** Unix nanoseconds. A missing timestamp is 1970, as asynq 0.25 and later read it. */
export function fromTimestamp(fields: TimestampFields | null | undefined): bigint {
  return fields ? joinNs(fromInt64(fields.seconds), fields.nanos) : 0n;
}
