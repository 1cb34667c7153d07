import { describe, expect, it } from 'vitest';
import { decodeProgress, encodeProgress } from './task-progress.js';

describe('the progress of a task', () => {
  it.each([
    { share: 0.4, note: 'resizing 😀', atMs: 1_700_000_000_123 },
    { share: 1, atMs: 5 },
  ])('reads %j as it was written', (progress) => {
    expect(decodeProgress(encodeProgress(progress))).toEqual(progress);
  });

  it.each(['', 'no JSON', 'null', '7', '{"share":"half","atMs":1}', '{"share":0.5}'])('takes %j for none', (text) => {
    expect(decodeProgress(text)).toBeUndefined();
  });
});
