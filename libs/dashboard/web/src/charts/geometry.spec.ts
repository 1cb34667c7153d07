import { describe, expect, it } from 'vitest';
import { barsPath, dayTicks, linePaths, nearest, scaleOf, timeTicks, valueTicks } from './geometry.js';

const HOUR_MS = 3_600_000;

describe('the levels of a chart', () => {
  it.each([
    [1, 4, [0, 0.25, 0.5, 0.75, 1]],
    [4, 3, [0, 2, 4]],
    [1_100, 4, [0, 500, 1_000]],
    [0.3, 4, [0, 0.1, 0.2, 0.3]],
    [8, 0.5, [0]],
  ])('up to %d, in %d steps, are round', (most, count, levels) => {
    expect(valueTicks(most, count)).toEqual(levels);
  });
});

describe('the times of a chart', () => {
  const from = Date.UTC(2026, 10, 30, 12, 10);
  const clocks = (times: readonly number[]) => times.map((ms) => new Date(ms).toISOString().slice(11, 16));

  it('are round', () => {
    expect(clocks(timeTicks(from, from + HOUR_MS, 3, 0))).toEqual(['12:20', '12:40', '13:00']);
    expect(clocks(timeTicks(from, from + 24 * HOUR_MS, 4, 0))).toEqual(['18:00', '00:00', '06:00', '12:00']);
  });

  it('are round on the clock of the zone', () => {
    expect(clocks(timeTicks(from, from + 24 * HOUR_MS, 4, 5.5 * HOUR_MS))).toEqual([
      '12:30',
      '18:30',
      '00:30',
      '06:30',
    ]);
  });
});

describe('the days below bars', () => {
  const days = Array.from({ length: 30 }, (_, day) => day);

  it('are in equal steps up to the last one', () => {
    expect(dayTicks(days, 5)).toEqual([1, 8, 15, 22, 29]);
    expect(dayTicks(days.slice(0, 3), 5)).toEqual([0, 1, 2]);
  });
});

describe('lines', () => {
  const y = scaleOf(0, 10, 100, 0);

  it('do not cross a gap, and show a value between two gaps', () => {
    const { line, area } = linePaths([0, 10, 20, 30, 40], [1, 2, null, 5, null], y);

    expect(line).toBe('M0,90L10,80M30,50h0');
    expect(area).toBe('M0,100L0,90L10,80V100ZM30,100L30,50V100Z');
  });

  it('are empty without values', () => {
    expect(linePaths([0, 10], [null, null], y)).toEqual({ line: '', area: '' });
  });
});

describe('bars', () => {
  it('stand on the base; there is none for nothing', () => {
    const path = barsPath([10, 30, 50], [5, 0, null], scaleOf(0, 10, 100, 0), 20);

    expect(path).toBe('M0,100V53Q0,50,3,50H17Q20,50,20,53V100Z');
  });
});

describe('the point under the pointer', () => {
  it.each([
    [-5, 0],
    [14, 1],
    [16, 2],
    [99, 2],
  ])('at %d', (pixel, at) => {
    expect(nearest([0, 10, 20], pixel)).toBe(at);
  });

  it('is none in an empty chart', () => {
    expect(nearest([], 5)).toBeUndefined();
  });
});
