import { describe, expect, it } from 'vitest';
import { readDuration } from './read-duration.js';

describe('readDuration', () => {
  it.each([
    ['30s', 30_000],
    ['10m', 600_000],
    ['1h30m', 5_400_000],
    ['2 d', 172_800_000],
    ['1.5h', 5_400_000],
    ['90', 90_000],
    ['250ms', 250],
    ['', undefined],
    [undefined, undefined],
    ['soon', null],
    ['10x', null],
    ['-5s', null],
    ['5s later', null],
  ])('reads %j as %j', (text, ms) => {
    expect(readDuration(text)).toBe(ms);
  });
});
