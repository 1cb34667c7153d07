import { expect, it } from 'vitest';
import { durationMs, durationProblem } from './duration.js';

it.each([
  [1_500, 1_500],
  ['1.5s', 1_500],
  ['900ms', 900],
  ['2 days', 172_800_000],
  ['0', 0],
  [0.25, 0.25],
])('reads %j as %d ms', (value, expected) => {
  expect(durationMs(value)).toBe(expected);
});

it.each([NaN, Infinity, 'soon', '', ' 1s', '1e3', null, new Date(), 2n, ['1s']])('does not read %s', (value) => {
  expect(durationMs(value)).toBeUndefined();
});

it.each([2 ** 31 - 1, 3_666, 1_666, 20 * 86_400_000, 8_640_000_000.5])(
  'names a bound of %d ms that is itself accepted',
  (maxMs) => {
    const { allowed } = durationProblem('timeout', maxMs + 1, { minMs: 1_499, maxMs })!;

    const [, min, max] = /at least (.*) and at most (.*)$/.exec(allowed)!;
    expect([durationMs(min), durationMs(max)]).toEqual([1_499, maxMs]);
  },
);
