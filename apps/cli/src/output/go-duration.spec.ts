import { describe, expect, it } from 'vitest';
import { UsageError } from '../usage.error.js';
import { goDuration, parseGoDuration } from './go-duration.js';

describe('a duration in the form of Go', () => {
  it.each([
    [0, '0s'],
    [400, '0s'],
    [1_500, '2s'],
    [59_600, '1m0s'],
    [90_000, '1m30s'],
    [3_600_000, '1h0m0s'],
    [86_400_000 + 61_000, '24h1m1s'],
    [-90_000, '-1m30s'],
    [-100, '0s'],
  ])('%i ms is written %s', (ms, text) => {
    expect(goDuration(ms)).toBe(text);
  });

  it.each([
    ['0', 0],
    ['90s', 90_000],
    ['1h30m', 5_400_000],
    ['1.5h', 5_400_000],
    ['.5s', 500],
    ['1m0.25s', 60_250],
    ['1500ms', 1_500],
    ['2000us', 2],
    ['2000µs', 2],
  ])('%s is read', (text, ms) => {
    expect(parseGoDuration('timeout', text)).toBeCloseTo(ms);
  });

  it.each(['', '10', '1d', '-5s', '5 s', 's', '1h30', 'x1s'])('"%s" is refused', (text) => {
    expect(() => parseGoDuration('timeout', text)).toThrow(UsageError);
  });
});
