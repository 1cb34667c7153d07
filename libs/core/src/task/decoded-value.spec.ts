import { expect, it } from 'vitest';
import { addDecoded } from './decoded-value.js';
import { jsonCodec } from './payload-codec.js';

const infoOf = (bytes: Uint8Array | undefined) =>
  addDecoded<{ id: string; value?: unknown }>({ id: 'a' }, 'value', bytes, jsonCodec);

it('decodes when it is read, and is not seen otherwise', () => {
  const info = infoOf(Buffer.from('{"to":"ada"}'));

  expect(info.value).toEqual({ to: 'ada' });
  expect(JSON.stringify(info)).toBe('{"id":"a"}');
  expect({ ...info }).not.toHaveProperty('value');
});

it.each([
  ['no bytes', undefined],
  ['bytes that do not decode', Buffer.from('{')],
])('is undefined for %s', (_, bytes) => {
  expect(infoOf(bytes).value).toBeUndefined();
});
