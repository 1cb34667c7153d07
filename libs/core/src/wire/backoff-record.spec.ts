import { expect, it } from 'vitest';
import { decodeBackoff, encodeBackoff } from './backoff-record.js';

it('reads what it has written', () => {
  const record = { kind: 'exponential', delayMs: 1_000, maxMs: 60_000, jitter: 0.5 } as const;

  expect(encodeBackoff(record)).toBe('exponential 1000 60000 0.5');
  expect(decodeBackoff(encodeBackoff(record))).toEqual(record);
});

it.each([
  undefined,
  '',
  'fixed',
  'fixed 1',
  'linear 1 2 0',
  'fixed -1 2 0',
  'fixed 1 2 2',
  'fixed x 2 0',
  'fixed 1 2 0 3',
])('reads nothing from %s', (record) => {
  expect(decodeBackoff(record)).toBeUndefined();
});
