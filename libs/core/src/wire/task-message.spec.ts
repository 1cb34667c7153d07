import { isUtf8 } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MessageDecodeError } from '../errors/message-decode.error.js';
import { characterAt, indexOfCharacter, LAST_CHARACTER } from '../test-support/any-character.js';
import { decodeTaskMessage, encodeTaskMessage, type TaskMessage } from './task-message.js';

const message = (fields: Partial<TaskMessage> = {}): TaskMessage => ({
  type: '',
  payload: new Uint8Array(),
  id: '',
  queue: '',
  maxRetry: 0,
  retried: 0,
  errorMsg: '',
  timeoutS: 0n,
  deadlineS: 0n,
  uniqueKey: '',
  lastFailedAtS: 0n,
  retentionS: 0n,
  completedAtS: 0n,
  groupKey: '',
  headers: {},
  ...fields,
});

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const fromHex = (text: string): Buffer => Buffer.from(text, 'hex');
const p = new TextEncoder().encode('p');

/** Field of wire type 2 with a number below 16 and fewer than 128 bytes. */
const lengthDelimited = (field: number, content: Uint8Array): Buffer =>
  Buffer.concat([Buffer.of((field << 3) | 2, content.length), content]);

/** The result of a call, or the class of its error. */
function outcomeOf(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    return (error as Error).constructor;
  }
}

const character = fc.nat(LAST_CHARACTER).map(characterAt, indexOfCharacter);
const anyText = fc.string({ unit: character, maxLength: 60, size: 'max' });
/** At most 60 bytes, so that two fit {@link lengthDelimited}. */
const shortText = fc.string({ unit: character, maxLength: 15, size: 'max' });
/** Text as JavaScript allows it: also halves of surrogate pairs. */
const anyCodeUnits = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 60 })
  .map((units) => String.fromCharCode(...units));
const anyBytes = fc.uint8Array({ maxLength: 100, size: 'max' });
const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const headers = fc.dictionary(fc.oneof(anyText, fc.constant('__proto__')), anyText, {
  maxKeys: 5,
  noNullPrototype: true,
});

const anyMessage: fc.Arbitrary<TaskMessage> = fc.record({
  type: anyText,
  payload: fc.uint8Array({ maxLength: 300, size: 'max' }),
  id: anyText,
  queue: anyText,
  maxRetry: int32,
  retried: int32,
  errorMsg: anyText,
  timeoutS: int64,
  deadlineS: int64,
  uniqueKey: anyText,
  lastFailedAtS: int64,
  retentionS: int64,
  completedAtS: int64,
  groupKey: anyText,
  headers,
});

/** A field from 16 to 2000 of any wire type: one that no asynq knows yet. */
const unknownField = fc
  .tuple(
    fc.integer({ min: 16, max: 2000 }),
    fc.constantFrom(
      { wireType: 0, value: '9601' },
      { wireType: 1, value: '0102030405060708' },
      { wireType: 2, value: '03616263' },
      { wireType: 5, value: '01020304' },
    ),
  )
  .map(([field, { wireType, value }]) => {
    const tag = (field << 3) | wireType;
    return Buffer.concat([Buffer.of((tag & 0x7f) | 0x80, tag >> 7), fromHex(value)]);
  });

describe('TaskMessage', () => {
  it.each([
    [
      'V1: as enqueued',
      message({
        type: 'email:send',
        payload: new TextEncoder().encode('{"a":1}'),
        id: 't1',
        queue: 'default',
        maxRetry: 25,
        timeoutS: 1800n,
      }),
      '0a0a656d61696c3a73656e6412077b2261223a317d1a027431220764656661756c74281940880e',
    ],
    [
      'V2: failed once, with a header',
      message({
        type: 'f',
        payload: p,
        id: 't2',
        queue: 'q',
        maxRetry: 25,
        retried: 1,
        errorMsg: 'boom',
        lastFailedAtS: 1_700_000_000n,
        timeoutS: 1800n,
        headers: { k: 'v' },
      }),
      '0a01661201701a027432220171281930013a04626f6f6d40880e5880e2cfaa067a060a016b120176',
    ],
    [
      'V3: completed, unique, of a group',
      message({
        type: 'ok',
        payload: p,
        id: 't3',
        queue: 'q',
        maxRetry: 25,
        timeoutS: 60n,
        deadlineS: 1_700_000_600n,
        uniqueKey: 'asynq:{q}:unique:ok:83878c91171338902e0fe0fb97a8c47a',
        groupKey: 'g',
        retentionS: 3600n,
        completedAtS: 1_700_000_000n,
      }),
      '0a026f6b1201701a0274332201712819403c48d8e6cfaa0652346173796e713a7b717d3a756e697175653a6f6b3a383338373863393131373133333839303265306665306662393761386334376160901c6880e2cfaa06720167',
    ],
    [
      'V4: negative lengths',
      message({ type: 'x', id: 't4', queue: 'q', timeoutS: -1n, retentionS: -1n }),
      '0a01781a02743422017140ffffffffffffffffff0160ffffffffffffffffff01',
    ],
    ['V5: all defaults', message(), ''],
    [
      'V6: an empty header',
      message({ type: 'h', id: 't6', queue: 'q', headers: { '': '' } }),
      '0a01681a0274362201717a040a001200',
    ],
  ])('%s, both ways', (_name, fields, goHex) => {
    expect(hex(encodeTaskMessage(fields))).toBe(goHex);
    expect(decodeTaskMessage(fromHex(goHex))).toEqual(fields);
  });

  it('survives a round trip', () => {
    fc.assert(
      fc.property(anyMessage, (original) => {
        expect(decodeTaskMessage(encodeTaskMessage(original))).toEqual(original);
      }),
    );
  });

  it('keeps the outermost 32-bit and 64-bit values', () => {
    const extremes = message({
      maxRetry: 2 ** 31 - 1,
      retried: -(2 ** 31),
      timeoutS: 2n ** 63n - 1n,
      deadlineS: -(2n ** 63n),
      retentionS: 2n ** 53n + 1n,
      completedAtS: 2n ** 32n - 1n,
      lastFailedAtS: -(2n ** 32n),
    });

    expect(decodeTaskMessage(encodeTaskMessage(extremes))).toEqual(extremes);
  });

  it('skips unknown fields in any position', () => {
    fc.assert(
      fc.property(anyMessage, unknownField, unknownField, (original, before, after) => {
        const bytes = Buffer.concat([before, encodeTaskMessage(original), after]);

        expect(decodeTaskMessage(bytes)).toEqual(original);
      }),
    );
  });

  it('reads a missing key or value of a header as empty', () => {
    fc.assert(
      fc.property(fc.option(shortText), fc.option(shortText), fc.boolean(), (key, value, isValueFirst) => {
        const parts = [
          ...(key === null ? [] : [lengthDelimited(1, Buffer.from(key))]),
          ...(value === null ? [] : [lengthDelimited(2, Buffer.from(value))]),
        ];
        const entry = lengthDelimited(15, Buffer.concat(isValueFirst ? parts.toReversed() : parts));

        expect(Object.entries(decodeTaskMessage(entry).headers)).toEqual([[key ?? '', value ?? '']]);
      }),
    );
  });

  it('refuses text that is not UTF-8, and no other text', () => {
    const anyBytesOrText = fc.oneof(
      anyBytes,
      shortText.map((text) => Buffer.from(text)),
    );

    fc.assert(
      fc.property(anyBytesOrText, (text) => {
        const expected = isUtf8(text) ? Buffer.from(text).toString() : MessageDecodeError;

        expect(outcomeOf(() => decodeTaskMessage(lengthDelimited(1, text)).type)).toBe(expected);
      }),
    );
  });

  it('writes half a surrogate pair as U+FFFD, so that Go can read the message', () => {
    fc.assert(
      fc.property(anyCodeUnits, (text) => {
        const decoded = decodeTaskMessage(encodeTaskMessage(message({ errorMsg: text, headers: { [text]: text } })));

        expect(decoded.errorMsg).toBe(text.toWellFormed());
        expect(decoded.headers).toEqual({ [text.toWellFormed()]: text.toWellFormed() });
      }),
    );
  });

  it('refuses any broken bytes with its own error', () => {
    fc.assert(
      fc.property(anyBytes, (noise) => {
        expect(['read', MessageDecodeError]).toContain(outcomeOf(() => decodeTaskMessage(noise) && 'read'));
      }),
      { numRuns: 1000 },
    );
  });

  it('names the record and keeps the cause when it refuses', () => {
    const decode = (): TaskMessage => decodeTaskMessage(fromHex('0a05616263'));

    expect(decode).toThrow(expect.objectContaining({ code: 'MESSAGE_DECODE', record: 'TaskMessage' }) as Error);
    expect(decode).toThrow(/^cannot decode TaskMessage: .+/);
  });

  it('returns the payload as a plain view into the input bytes', () => {
    const bytes = encodeTaskMessage(message({ type: 't', payload: p }));

    const { payload } = decodeTaskMessage(bytes);

    expect(payload.constructor).toBe(Uint8Array);
    expect(payload.buffer).toBe(bytes.buffer);
  });
});
