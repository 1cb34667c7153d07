import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { characterAt, indexOfCharacter, LAST_CHARACTER } from '../../test-support/any-character.js';
import { type FetchReplyFields, readIds, tasksIn } from './fetched-tasks.js';

const joined = (ids: readonly string[]): string => ids.map((id) => `${Buffer.byteLength(id)}:${id}`).join('');

const replyWith = (ids: string, ...messages: (Buffer | null)[]): FetchReplyFields => [
  0,
  0,
  0,
  Buffer.from(ids),
  [],
  ...messages,
];

describe('readIds', () => {
  it('reads any ids, from a place on', () => {
    const anyId = fc.string({ unit: fc.nat(LAST_CHARACTER).map(characterAt, indexOfCharacter) });
    fc.assert(
      fc.property(fc.array(anyId), fc.stringMatching(/^[0-9 ]*$/), (ids, head) => {
        expect(readIds(Buffer.from(head + joined(ids)), head.length)).toEqual(ids);
      }),
    );
  });

  it('ends at what is no id, whatever the bytes', () => {
    const bytes = fc.oneof(
      fc.uint8Array(),
      fc.string().map(Buffer.from),
      fc.stringMatching(/^([0-9]{1,2}:?)*$/).map(Buffer.from),
    );
    fc.assert(
      fc.property(bytes, (given) => {
        const ids = readIds(Buffer.from(given), 0);
        expect(joined(ids).length).toBeLessThanOrEqual(given.length * 4);
      }),
    );
  });

  it.each(['9:id', '-1:id', 'id', '1e9:id', ':id', '2', '2:i', 'Infinity:id', '0x2:id'])('refuses %s', (text) => {
    expect(readIds(Buffer.from(text), 0)).toEqual([]);
  });
});

describe('tasksIn', () => {
  const message = Buffer.from('m');

  it('has an id for each message', () => {
    expect(tasksIn(replyWith('1:a2:bc', message, null))).toEqual({
      ids: ['a', 'bc'],
      messages: [message, null],
      notes: [],
    });
  });

  it.each([
    ['fewer', replyWith('1:a', message, message)],
    ['more', replyWith('1:a1:b', message)],
    ['odd', replyWith('1:a9:b', message, message)],
  ])('refuses a reply with %s ids', (_, reply) => {
    expect(tasksIn(reply)).toBeUndefined();
  });
});
