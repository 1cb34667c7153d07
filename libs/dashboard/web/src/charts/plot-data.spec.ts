import { describe, expect, it } from 'vitest';
import { everyNthDay, loneValues, plotData } from './plot-data.js';

describe('the data of a plot', () => {
  const series = [
    { label: 'good', values: [5, null, 7], color: '--good' },
    { label: 'bad', values: [1, 2, null], color: '--danger' },
  ];

  it('are the values, under times in seconds', () => {
    expect(plotData([1_000, 2_000, 3_500], series, 'lines')).toEqual([
      [1, 2, 3.5],
      [5, null, 7],
      [1, 2, null],
    ]);
  });

  it('are sums for stacked bars, the largest first', () => {
    expect(plotData([1_000, 2_000, 3_500], series, 'bars')).toEqual([
      [1, 2, 3.5],
      [6, 2, 7],
      [1, 2, 0],
    ]);
  });
});

describe('days below the bars', () => {
  it('end with the last one', () => {
    expect(everyNthDay([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 5)).toEqual([5, 10]);
  });

  it('are none without bars', () => {
    expect(everyNthDay([], 5)).toEqual([]);
  });
});

describe('values that no line reaches', () => {
  it.each([
    [[1, 2, null, 5, null], [3]],
    [[1, null, 2, 3], [0]],
    [[null, null, 4], [2]],
    [[null, null], []],
  ])('of %j', (values, places) => {
    expect(loneValues(values)).toEqual(places);
  });
});
