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
  it('reads a message that matches its key', () => {
    const stored = readStoredMessage('default', 't1', encodeTaskMessage(message));

    expect(stored).toMatchObject({ isSound: true, message: { id: 't1', type: 'email:send', retried: 2 } });
  });

  it.each([
    { id: 'other', queue: 'default' },
    { id: 't1', queue: 'other' },
    { id: '', queue: '' },
  ])('replaces id $id and queue "$queue" by those of the key, with the reason', (foreign) => {
    const stored = readStoredMessage('default', 't1', encodeTaskMessage({ ...message, ...foreign }));

    expect(stored.isSound).toBe(false);
    const errorMsg = `asynq: message is of task "${foreign.id}" in queue "${foreign.queue}"`;
    expect(stored.message).toMatchObject({ id: 't1', queue: 'default', type: 'email:send', retried: 2, errorMsg });
    expect(Uint8Array.from(stored.message.payload)).toEqual(message.payload);
  });

  it('treats an empty message as a foreign one without a type', () => {
    const stored = readStoredMessage('default', 't1', new Uint8Array());

    expect(stored).toMatchObject({ isSound: false, message: { id: 't1', queue: 'default', type: QUARANTINED_TYPE } });
  });

  it('replaces bytes that do not decode by a readable message with the reason', () => {
    const stored = readStoredMessage('default', 't1', Uint8Array.from([0xff, 0xff]));

    expect(stored.isSound).toBe(false);
    expect(stored.message).toMatchObject({ id: 't1', queue: 'default', type: QUARANTINED_TYPE });
    expect(stored.message.errorMsg).toMatch(/^asynq: cannot decode/);
    expect(() => encodeTaskMessage(stored.message)).not.toThrow();
  });
});
