import { describe, expect, it } from 'vitest';
import { base64OfBytes, bytesOfBase64, hexLines, textOfBytes } from './bytes.js';

describe('bytes', () => {
  it('come back from base64', () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);

    expect(bytesOfBase64(base64OfBytes(bytes))).toEqual(bytes);
  });

  it('are text only when they are UTF-8', () => {
    expect(textOfBytes(new TextEncoder().encode('é🙂'))).toBe('é🙂');
    expect(textOfBytes(Uint8Array.of(0xff))).toBeUndefined();
    expect(textOfBytes(new TextEncoder().encode('🙂').subarray(0, 3))).toBeUndefined();
  });

  it('are printed in lines of sixteen', () => {
    const lines = hexLines(new TextEncoder().encode('{"id":1}\n0123456789'));

    expect(lines).toEqual([
      '00000000  7b 22 69 64 22 3a 31 7d 0a 30 31 32 33 34 35 36  {"id":1}.0123456',
      '00000010  37 38 39                                         789',
    ]);
  });
});
