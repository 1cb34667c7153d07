import { describe, expect, it } from 'vitest';
import { encodeTaskMessage, type TaskMessage } from '../wire/task-message.js';
import { QUARANTINED_TYPE, readStoredMessage } from './stored-message.js';

const message: TaskMessage = {
  type: 'email:send',
  payload: Uint8Array.from([1, 2, 3]),
  id: 't1',
  queue: 'default',
  maxRetry: 25,
  retried: 2,
  errorMsg: 'earlier',
  timeoutS: 1800n,
  deadlineS: 0n,
  uniqueKey: '',
  lastFailedAtS: 0n,
  retentionS: 0n,
  completedAtS: 0n,
  groupKey: '',
  headers: { trace: 'abc' },
};

describe('readStoredMessage', () => {
  it('reads a message that is what its key says', () => {
    const stored = readStoredMessage('default', 't1', encodeTaskMessage(message));

    expect(stored).toMatchObject({ isSound: true, message: { id: 't1', type: 'email:send', retried: 2 } });
  });

  it.each([
    { id: 'other', queue: 'default' },
    { id: 't1', queue: 'other' },
    { id: '', queue: '' },
  ])('puts the names of the key over those of $id in "$queue", and says why', (foreign) => {
    const stored = readStoredMessage('default', 't1', encodeTaskMessage({ ...message, ...foreign }));

    expect(stored.isSound).toBe(false);
    const errorMsg = `asynq: message is of task "${foreign.id}" in queue "${foreign.queue}"`;
    expect(stored.message).toMatchObject({ id: 't1', queue: 'default', type: 'email:send', retried: 2, errorMsg });
    expect(Uint8Array.from(stored.message.payload)).toEqual(message.payload);
  });

  it('takes a message of no bytes for a foreign one without a type', () => {
    const stored = readStoredMessage('default', 't1', new Uint8Array());

    expect(stored).toMatchObject({ isSound: false, message: { id: 't1', queue: 'default', type: QUARANTINED_TYPE } });
  });

  it('makes a readable message with the reason out of bytes that do not decode', () => {
    const stored = readStoredMessage('default', 't1', Uint8Array.from([0xff, 0xff]));

    expect(stored.isSound).toBe(false);
    expect(stored.message).toMatchObject({ id: 't1', queue: 'default', type: QUARANTINED_TYPE });
    expect(stored.message.errorMsg).toMatch(/^asynq: cannot decode/);
    expect(() => encodeTaskMessage(stored.message)).not.toThrow();
  });
});
