import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultMessage } from '../test-support/test-queue.js';
import {
  decodeAnyMessage,
  decodePlainMessage,
  encodeAnyMessage,
  encodePlainMessage,
  type TaskMessage,
} from './task-message.js';

const MESSAGE: TaskMessage = {
  ...defaultMessage('default', '3f2b8c1e-7a54-4c19-9d55-0a4f6f1f2b3c'),
  type: 'email:send',
  payload: Buffer.from('{"a":1}'),
};

/** Around the lengths at which a length or a number takes another byte. */
const length = fc.oneof(
  { weight: 12, arbitrary: fc.nat(40) },
  { weight: 3, arbitrary: fc.integer({ min: 126, max: 129 }) },
  { weight: 1, arbitrary: fc.integer({ min: 16_382, max: 16_385 }) },
);
const ascii = length.map((units) => 'aZ\0\x7f'.repeat(units).slice(0, units));
const text = fc.oneof(
  { weight: 9, arbitrary: ascii },
  { weight: 1, arbitrary: fc.constantFrom('é', '日本', 'a\ud800') },
);
const edges = [0, 1, 127, 128, 16_383, 16_384, 2 ** 28, 2 ** 31 - 1];
const int32 = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(...edges) },
  { weight: 1, arbitrary: fc.constantFrom(-1, -(2 ** 31), 2 ** 31, 2 ** 32, 1.5, Number.NaN) },
);
const bigEdges = [...edges, 1_700_000_000, 2 ** 42, 2 ** 53 - 1].map(BigInt);
const int64 = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(...bigEdges) },
  { weight: 1, arbitrary: fc.constantFrom(-1n, 2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 64n) },
);
const anyMessage: fc.Arbitrary<TaskMessage> = fc.record({
  type: text,
  payload: length.map((bytes) => new Uint8Array(bytes).fill(0xff)),
  id: text,
  queue: text,
  maxRetry: int32,
  retried: int32,
  errorMsg: text,
  timeoutS: int64,
  deadlineS: int64,
  uniqueKey: text,
  lastFailedAtS: int64,
  retentionS: int64,
  completedAtS: int64,
  groupKey: text,
  headers: fc.oneof(
    { weight: 1, arbitrary: fc.constant({}) },
    { weight: 1, arbitrary: fc.dictionary(text, text, { maxKeys: 3, noNullPrototype: true }) },
  ),
});

describe('encodePlainMessage', () => {
  it('writes the same bytes as the protobuf runtime, or leaves the message to it', () => {
    let own = 0;

    fc.assert(
      fc.property(anyMessage, (message) => {
        const bytes = encodePlainMessage(message);
        if (!bytes) return;
        own++;
        expect(bytes.equals(encodeAnyMessage(message))).toBe(true);
      }),
      { numRuns: 2_000 },
    );

    expect(own).toBeGreaterThan(100);
  });

  it.each<[string, Partial<TaskMessage>]>([
    ['as enqueued', {}],
    ['without anything', { type: '', payload: new Uint8Array(), id: '', queue: '', maxRetry: 0, timeoutS: 0n }],
    ['that has failed', { retried: 3, errorMsg: 'boom', lastFailedAtS: 1_700_000_000n }],
    ['with a long payload', { payload: new Uint8Array(100_000) }],
    ['with headers', { headers: { traceparent: 'x'.repeat(55), __proto__x: 'y', 7: 'first', long: 'z'.repeat(200) } }],
    ['unique, of a group, completed', { uniqueKey: 'k', groupKey: 'g', retentionS: 60n, completedAtS: 1n }],
  ])('writes a message %s itself', (_, fields) => {
    const message = { ...MESSAGE, ...fields };

    expect(encodePlainMessage(message)).toEqual(encodeAnyMessage(message));
  });

  it.each<[string, Partial<TaskMessage>]>([
    ['text of other characters', { type: 'é' }],
    ['half of a surrogate pair', { errorMsg: '\ud800' }],
    ['a negative number', { maxRetry: -1 }],
    ['a number that wraps', { maxRetry: 2 ** 31 }],
    ['a negative time', { timeoutS: -1n }],
    ['a large time', { deadlineS: 2n ** 53n }],
    ['a header without a value', { headers: { a: '' } }],
    ['a header without a name', { headers: { '': 'b' } }],
    ['a header of other characters', { headers: { a: 'é' } }],
  ])('leaves %s to the protobuf runtime', (_, fields) => {
    expect(encodePlainMessage({ ...MESSAGE, ...fields })).toBeUndefined();
  });
});

/** With the payload in a form that is compared at once, not byte by byte. */
const readable = ({ payload, ...fields }: TaskMessage): object => ({
  ...fields,
  kind: payload.constructor.name,
  payload: Buffer.from(payload).toString('latin1'),
});

describe('decodePlainMessage', () => {
  const { id, queue } = MESSAGE;
  const decode = (bytes: Uint8Array): TaskMessage | undefined => decodePlainMessage(bytes, { id, queue });

  it('reads what the protobuf runtime reads, or leaves the message to it', () => {
    let own = 0;

    fc.assert(
      fc.property(anyMessage, (message) => {
        const bytes = encodeAnyMessage(message);
        const decoded = decode(bytes);
        if (!decoded) return;
        own++;
        expect(readable(decoded)).toStrictEqual(readable(decodeAnyMessage(bytes)));
      }),
      { numRuns: 2_000 },
    );

    expect(own).toBeGreaterThan(100);
  });

  it('accepts no bytes that the protobuf runtime refuses, and reads no others than it', () => {
    const failed = { retried: 300, errorMsg: 'boom', lastFailedAtS: 1_700_000_000n };
    const sound = encodeAnyMessage({ ...MESSAGE, ...failed, headers: { a: 'b', long: 'c'.repeat(200) } });
    const damaged = fc
      .array(fc.record({ at: fc.nat(sound.length - 1), byte: fc.nat(255) }), { maxLength: 3 })
      .map((changes) => changes.reduce((bytes, { at, byte }) => bytes.with(at, byte), new Uint8Array(sound)));
    const cut = fc.nat(sound.length).map((end) => sound.subarray(0, end));
    const bytes = fc.oneof(fc.uint8Array({ maxLength: 40 }), damaged, cut);

    fc.assert(
      fc.property(bytes, (array) => {
        const decoded = decode(Buffer.from(array));
        expect(decoded && decodeAnyMessage(Buffer.from(array))).toStrictEqual(decoded);
      }),
      { numRuns: 5_000 },
    );
  });

  it.each<[string, Partial<TaskMessage>]>([
    ['as enqueued', {}],
    ['of another task', { id: 'other', queue: 'other' }],
    ['that has failed', { retried: 3, errorMsg: 'boom', lastFailedAtS: 1_700_000_000n }],
    ['with a long payload', { payload: new Uint8Array(100_000).fill(200) }],
    ['unique, of a group, completed', { uniqueKey: 'k', groupKey: 'g', retentionS: 60n, completedAtS: 1n }],
    ['with headers', { headers: { traceparent: 'x'.repeat(55), 7: 'first', constructor: 'y', long: 'z'.repeat(200) } }],
  ])('reads a message %s itself', (_, fields) => {
    const message = { ...MESSAGE, ...fields, payload: new Uint8Array(fields.payload ?? MESSAGE.payload) };

    expect(decode(encodeAnyMessage(message))).toEqual(message);
  });

  it.each<[string, Buffer]>([
    ['text of other characters', encodeAnyMessage({ ...MESSAGE, type: 'é' })],
    ['Latin-1 bytes where they are expected', Buffer.from([0x0a, 1, 0xe9])],
    ['a negative number', encodeAnyMessage({ ...MESSAGE, maxRetry: -1 })],
    ['a header without a value', encodeAnyMessage({ ...MESSAGE, headers: { a: '' } })],
    ['a header without a name', encodeAnyMessage({ ...MESSAGE, headers: { '': 'b' } })],
    ['a header of other characters', encodeAnyMessage({ ...MESSAGE, headers: { a: 'é' } })],
    [
      'a header that sets the prototype',
      encodeAnyMessage({ ...MESSAGE, headers: JSON.parse('{"__proto__":"a"}') as {} }),
    ],
    ['a header whose value comes first', Buffer.from([0x7a, 6, 0x12, 1, 0x61, 0x0a, 1, 0x62])],
    ['a header with an unknown field', Buffer.from([0x7a, 8, 0x0a, 1, 0x62, 0x12, 1, 0x61, 0x18, 1])],
    ['a header that is longer than its field', Buffer.from([0x7a, 5, 0x0a, 1, 0x62, 0x12, 1, 0x61])],
    ['an unknown field', Buffer.from([16 << 3, 1, 1])],
    ['a number in more bytes than it needs', Buffer.from([5 << 3, 0x81, 0x00])],
    ['a text that does not end', Buffer.from([0x0a, 5, 0x61])],
  ])('leaves %s to the protobuf runtime', (_, bytes) => {
    expect(decode(bytes)).toBeUndefined();
  });
});
