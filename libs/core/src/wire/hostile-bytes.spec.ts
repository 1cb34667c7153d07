import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MessageDecodeError } from '../errors/message-decode.error.js';
import {
  decodeSchedulerEnqueueEvent,
  decodeSchedulerEntry,
  encodeSchedulerEnqueueEvent,
  encodeSchedulerEntry,
} from './scheduler-entry.js';
import { decodeServerInfo, decodeWorkerInfo, encodeServerInfo, encodeWorkerInfo } from './server-info.js';
import { decodeTaskMessage, encodeTaskMessage } from './task-message.js';

const text = new TextEncoder().encode('payload');

/** Each record that a peer can write, and bytes of a sound one with all fields. */
const RECORDS: readonly [name: string, decode: (bytes: Uint8Array) => object, sound: Buffer][] = [
  [
    'TaskMessage',
    decodeTaskMessage,
    encodeTaskMessage({
      type: 'type',
      payload: text,
      id: 'id',
      queue: 'queue',
      maxRetry: 25,
      retried: -1,
      errorMsg: 'error',
      timeoutS: 1800n,
      deadlineS: 2n ** 62n,
      uniqueKey: 'key',
      lastFailedAtS: -1n,
      retentionS: 60n,
      completedAtS: 1n,
      groupKey: 'group',
      headers: { a: 'b', c: '' },
    }),
  ],
  [
    'ServerInfo',
    decodeServerInfo,
    encodeServerInfo({
      host: 'host',
      pid: 1,
      serverId: 'id',
      concurrency: 10,
      queues: { a: 1, b: 2 },
      strictPriority: true,
      status: 'active',
      startedAtMs: 1_700_000_000_123,
      activeWorkerCount: 1,
    }),
  ],
  [
    'WorkerInfo',
    decodeWorkerInfo,
    encodeWorkerInfo({
      host: 'host',
      pid: 1,
      serverId: 'id',
      taskId: 'task',
      taskType: 'type',
      taskPayload: text,
      queue: 'queue',
      startedAtMs: 1_700_000_000_123,
      deadlineMs: 1_700_000_060_000,
    }),
  ],
  [
    'SchedulerEntry',
    decodeSchedulerEntry,
    encodeSchedulerEntry({
      id: 'id',
      spec: '@every 1s',
      taskType: 'type',
      taskPayload: text,
      enqueueOptions: ['Queue("low")', 'MaxRetry(1)'],
      nextEnqueueAtMs: 1_700_000_000_000,
      prevEnqueueAtMs: undefined,
    }),
  ],
  [
    'SchedulerEnqueueEvent',
    decodeSchedulerEnqueueEvent,
    encodeSchedulerEnqueueEvent({ taskId: 'task', enqueuedAtNs: 1_700_000_000_000_000_001n }),
  ],
];

/** A varint as the wire has it, or too long for any number. */
const varint = fc.oneof(
  fc.constantFrom('00', '7f', 'ffffffff0f', 'ffffffffffffffffff01', `${'ff'.repeat(20)}01`, '80'.repeat(1_000)),
  fc.uint8Array({ maxLength: 11 }).map((bytes) => Buffer.from(bytes).toString('hex')),
);

/** Parts of records in any order: each field of each wire type, groups within groups among them. */
const part = fc.oneof(
  varint.map((hex) => Buffer.from(hex, 'hex')),
  fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
  fc
    .tuple(fc.integer({ min: 0, max: 17 }), fc.integer({ min: 0, max: 7 }), varint)
    .map(([field, wireType, hex]) => Buffer.from(((field << 3) | wireType).toString(16).padStart(2, '0') + hex, 'hex')),
  fc
    .tuple(fc.constantFrom(0x7a, 0x0b, 0x83, 0x2a, 0x42), fc.integer({ min: 1, max: 20_000 }))
    .map(([byte, depth]) => Buffer.alloc(depth, byte)),
);

const bytesLike = (sound: Buffer): fc.Arbitrary<Buffer> =>
  fc.oneof(
    fc.array(part, { maxLength: 6 }).map((parts) => Buffer.concat(parts)),
    fc.nat(sound.length).map((length) => Buffer.from(sound.subarray(0, length))),
    fc.tuple(fc.nat(sound.length), part, fc.nat(4)).map(([at, inserted, replaced]) => {
      return Buffer.concat([sound.subarray(0, at), inserted, sound.subarray(at + replaced)]);
    }),
    fc.array(fc.tuple(fc.nat(sound.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }).map((changes) => {
      const changed = Buffer.from(sound);
      for (const [at, byte] of changes) changed[at] = byte;
      return changed;
    }),
  );

describe.each(RECORDS)('bytes in place of a %s', (record, decode, sound) => {
  it('are read, or refused by their name', () => {
    const shape = Object.keys(decode(sound)).toSorted();

    fc.assert(
      fc.property(bytesLike(sound), (bytes) => {
        try {
          expect(Object.keys(decode(bytes)).toSorted()).toEqual(shape);
        } catch (error) {
          if (!(error instanceof MessageDecodeError)) throw error;
          expect(error).toMatchObject({ record, message: expect.stringMatching(/^cannot decode \w+: .{3}/) as string });
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['many groups', Buffer.alloc(4_000_000, 0x83)],
    ['groups within groups', Buffer.alloc(1_000_000, 0x0b)],
    ['a varint without an end', Buffer.alloc(4_000_000, 0xff)],
    ['a length of 4 GB', Buffer.from('0affffffff0f41', 'hex')],
    ['a length of 2 GB', Buffer.from('0affffffff0741', 'hex')],
    ['many empty maps', Buffer.alloc(4_000_000, Buffer.of(0x7a, 0x00))],
    ['a map that names the prototype', Buffer.from(`7a0d0a095f5f70726f746f5f5f1200`, 'hex')],
  ])('are refused or skipped when they hold %s', (_, bytes) => {
    const before = Reflect.ownKeys(Object.prototype);

    try {
      decode(bytes);
    } catch (error) {
      expect(error).toBeInstanceOf(MessageDecodeError);
    }

    expect(Reflect.ownKeys(Object.prototype)).toEqual(before);
  });
});
