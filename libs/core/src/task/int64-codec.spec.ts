import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { int64Codec } from './int64-codec.js';
import { jsonCodec } from './payload-codec.js';

const decode = (json: string): unknown => int64Codec.decode(Buffer.from(json));
const encode = (value: unknown): string => Buffer.from(int64Codec.encode(value)).toString();

describe('int64Codec', () => {
  it.each([
    ['the largest int64', '9223372036854775807', 9_223_372_036_854_775_807n],
    ['the smallest', '-9223372036854775808', -9_223_372_036_854_775_808n],
    ['the largest uint64', '18446744073709551615', 18_446_744_073_709_551_615n],
    ['the first beyond the range of a number', '9007199254740992', 9_007_199_254_740_992n],
    ['the last within it', '9007199254740991', 9_007_199_254_740_991],
    ['a fraction', '1234567890123456789.5', Number('1234567890123456789.5')],
    ['an exponent', '12345678901234567e3', 12345678901234567e3],
    [
      'numbers inside',
      '{"id":9223372036854775807,"n":[1,-9223372036854775807]}',
      {
        id: 9_223_372_036_854_775_807n,
        n: [1, -9_223_372_036_854_775_807n],
      },
    ],
    [
      'digits in texts',
      String.raw`{"9223372036854775807":"a \"9223372036854775807\\", "b": 1}`,
      {
        '9223372036854775807': String.raw`a "9223372036854775807` + '\\',
        b: 1,
      },
    ],
  ])('reads %s', (_, json, value) => {
    expect(decode(json)).toEqual(value);
  });

  it.each(['9223372036854775807', '[1,9223372036854775807,"9223372036854775807"]', '{"id":-9223372036854775808}'])(
    'writes %s as it was read',
    (json) => {
      expect(encode(decode(json))).toBe(json);
    },
  );

  it.each(['{', '1234567890123456789 2', '01234567890123456789', '"1234567890123456789', '-1234567890123456789-'])(
    'refuses %s, as JSON does',
    (json) => {
      expect(() => decode(json)).toThrow(SyntaxError);
    },
  );

  it('maps undefined to no bytes, and refuses values without a JSON form', () => {
    expect(encode(undefined)).toBe('');
    expect(int64Codec.decode(new Uint8Array())).toBeUndefined();
    expect(() => encode(() => undefined)).toThrow(TypeError);
  });

  it('does not quote invalid input', () => {
    expect(() => decode('pw=hunter2 1234567890123456789')).toThrow(/^(?!.*hunter2)/);
    expect(() => decode('[12345678901234567890, hunter2')).toThrow(SyntaxError);
  });

  it('reads and writes all other JSON as the default codec does', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const bytes = jsonCodec.encode(value);

        expect(Buffer.from(int64Codec.encode(value))).toEqual(Buffer.from(bytes));
        expect(int64Codec.decode(bytes)).toEqual(withBigInts(jsonCodec.decode(bytes)));
      }),
    );
  });

  it('preserves every whole number', () => {
    fc.assert(
      fc.property(fc.array(fc.bigInt()), (values) => {
        const read = int64Codec.decode(int64Codec.encode(values)) as (number | bigint)[];

        expect(read.map(BigInt)).toEqual(values);
      }),
    );
  });
});

/** Numbers without an exponent that plain JSON rounds to a whole number beyond 2^53. */
function withBigInts(value: unknown): unknown {
  if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) < 1e21)
    return BigInt(String(value));
  if (Array.isArray(value)) return value.map(withBigInts);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, withBigInts(inner)]));
}
