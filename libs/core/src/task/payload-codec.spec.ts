import { describe, expect, it, vi } from 'vitest';
import { int64Codec } from './int64-codec.js';
import { jsonCodec } from './payload-codec.js';

describe('jsonCodec', () => {
  it.each([[{ a: [1, 'ü', null] }], ['text'], [0], [false], [null]])('round-trips %j', (value) => {
    expect(jsonCodec.decode(jsonCodec.encode(value))).toEqual(value);
  });

  it('writes UTF-8, as Go reads it', () => {
    expect(Buffer.from(jsonCodec.encode({ name: 'Zoë' })).toString('hex')).toBe('7b226e616d65223a225a6fc3ab227d');
  });

  it('maps no payload to no bytes and back', () => {
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

  it('does not quote names of a circular value', () => {
    const ring: Record<string, unknown> = {};
    ring['s3cret'] = ring;

    expect(() => jsonCodec.encode(ring)).toThrow(/^Converting circular structure to JSON$/);
  });

  it.each([jsonCodec, int64Codec])(
    'refuses a toJSON that returns a promise, and handles its rejection',
    async ({ encode }) => {
      const unhandled = vi.fn<(error: unknown) => void>();
      process.once('unhandledRejection', unhandled);

      const encoding = () => encode({ toJSON: async () => Promise.reject(new Error('late')) });

      expect(encoding).toThrow('a promise has no JSON form');
      await new Promise(setImmediate);
      process.off('unhandledRejection', unhandled);
      expect(unhandled).not.toHaveBeenCalled();
    },
  );

  it('refuses bytes that are not JSON', () => {
    expect(() => jsonCodec.decode(Buffer.from('{'))).toThrow(SyntaxError);
  });
});
