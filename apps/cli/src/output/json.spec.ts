import { expect, it } from 'vitest';
import { jsonParts, toJson } from './json.js';

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

it.each([
  [[]],
  [{}],
  [null],
  ['text'],
  [[1, [2, 3], { a: [4] }]],
  [{ aggregate: { at: 1 }, queues: [{ name: 'a\nb' }, {}], none: [], redis: { version: '7' } }],
])('is laid out as JSON.stringify does it: %j', (data) => {
  expect(toJson(data)).toBe(JSON.stringify(data, undefined, 2));
});

it('writes a long list in parts', () => {
  const list = Array.from({ length: 1_000 }, (_, n) => ({ n, text: 'x'.repeat(500) }));

  const parts = [...jsonParts({ list })];

  expect(JSON.parse(parts.join(''))).toEqual({ list });
  expect(parts.length).toBeGreaterThan(5);
  expect(Math.max(...parts.map((part) => part.length))).toBeLessThan(70_000);
});
