import { describe, expect, it } from 'vitest';
import { NEVER_NS, ceilS, clampInt64, durationS, floorS, fromNs, joinNs, splitNs, toNs, utcDay } from './unix-time.js';

describe('unix time', () => {
  it('rounds timestamps down, due times and durations up', () => {
    expect([floorS(1999), floorS(-1)]).toEqual([1, -1]);
    expect([ceilS(1001), ceilS(1000)]).toEqual([2, 1]);
    expect([durationS(900), durationS(1999), durationS(2000)]).toEqual([1, 2, 2]);
  });

  it('names the day of a counter in UTC', () => {
    expect(utcDay(Date.parse('2024-02-29T23:59:59-05:00'))).toBe('2024-03-01');
  });

  it('clamps a wire int64 to the exact range of a number', () => {
    expect(clampInt64(1800n)).toBe(1800);
    expect(clampInt64(2n ** 63n - 1n)).toBe(Number.MAX_SAFE_INTEGER);
    expect(clampInt64(-(2n ** 63n))).toBe(Number.MIN_SAFE_INTEGER);
  });

  it('converts milliseconds to nanoseconds and back, rounding down before and after 1970', () => {
    expect(toNs(1.5)).toBe(1_000_000n);
    expect(fromNs(1_999_999n)).toBe(1);
    expect(fromNs(-1n)).toBe(-1);
  });

  it('splits a time before 1970 into whole seconds and nanoseconds that are not negative', () => {
    expect(splitNs(-1n)).toEqual({ seconds: -1n, nanos: 999_999_999 });
    expect(joinNs(-1n, 999_999_999)).toBe(-1n);
  });

  it('keeps a timestamp within the years 1 to 9999', () => {
    expect(splitNs(NEVER_NS - 1n)).toEqual({ seconds: -62_135_596_800n, nanos: 0 });
    expect(splitNs(2n ** 80n)).toEqual({ seconds: 253_402_300_799n, nanos: 999_999_999 });
  });
});
