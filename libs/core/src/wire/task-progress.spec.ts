import { describe, expect, it } from 'vitest';
import type { TaskMessage } from './task-message.js';
import { decodeProgress, encodeProgress } from './task-progress.js';

const message = { retried: 1, lastFailedAtS: 5n } as TaskMessage;

describe('the progress of a task', () => {
  it.each([
    { share: 0.4, note: 'resizing 😀', atMs: 1_700_000_000_123 },
    { share: 1, atMs: 5 },
  ])('reads %j as it was written', (progress) => {
    expect(decodeProgress(encodeProgress(progress, message), message)).toEqual(progress);
  });

  it.each(['', 'no JSON', 'null', '7', '{"share":"half","atMs":1}', '{"share":0.5}'])('treats %j as none', (text) => {
    expect(decodeProgress(`${text} 1 5`, message)).toBeUndefined();
  });

  it('ignores that of another attempt', () => {
    const record = encodeProgress({ share: 1, atMs: 5 }, message);

    expect(decodeProgress(record, { ...message, retried: 2 })).toBeUndefined();
    expect(decodeProgress(record, { ...message, lastFailedAtS: 6n })).toBeUndefined();
    expect(decodeProgress(undefined, message)).toBeUndefined();
  });
});
