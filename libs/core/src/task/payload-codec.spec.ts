import { describe, expect, it } from 'vitest';
import { jsonCodec } from './payload-codec.js';

describe('jsonCodec', () => {
  it.each([[{ a: [1, 'ü', null] }], ['text'], [0], [false], [null]])('brings %j back', (value) => {
    expect(jsonCodec.decode(jsonCodec.encode(value))).toEqual(value);
  });

  it('writes UTF-8, as Go reads it', () => {
    expect(Buffer.from(jsonCodec.encode({ name: 'Zoë' })).toString('hex')).toBe('7b226e616d65223a225a6fc3ab227d');
  });

  it('takes no payload for no bytes, and the other way round', () => {
    expect(jsonCodec.encode(undefined)).toHaveLength(0);
    expect(jsonCodec.decode(new Uint8Array())).toBeUndefined();
  });

  it('reads bytes that are a part of a larger buffer', () => {
    const whole = Buffer.from('xx{"a":1}xx');

    expect(jsonCodec.decode(new Uint8Array(whole.buffer, whole.byteOffset + 2, 7))).toEqual({ a: 1 });
  });

  it.each([
    ['a function', () => 1],
    ['a symbol', Symbol('s')],
    ['a BigInt', 1n],
  ])('refuses %s', (_, value) => {
    expect(() => jsonCodec.encode(value)).toThrow(TypeError);
  });

  it('refuses bytes that are not JSON', () => {
    expect(() => jsonCodec.decode(Buffer.from('{'))).toThrow(SyntaxError);
  });
});
