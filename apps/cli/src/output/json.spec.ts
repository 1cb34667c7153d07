import { expect, it } from 'vitest';
import { toJson } from './json.js';

it('writes dates, bytes and absent fields as programs can read them', () => {
  const data = {
    at: new Date(0),
    payload: Buffer.from('{"a":1}'),
    result: Uint8Array.of(0xff),
    group: undefined,
    list: [new Date(1_000)],
  };

  expect(JSON.parse(toJson(data))).toEqual({
    at: '1970-01-01T00:00:00.000Z',
    payload: '{"a":1}',
    result: { base64: '/w==' },
    group: null,
    list: ['1970-01-01T00:00:01.000Z'],
  });
});
