import { expect, it } from 'vitest';
import { barParts, bytesOf, clip } from './cells.js';

it.each([
  ['short', 5, 'short'],
  ['too long', 5, 'too …'],
  ['👍👍👍', 3, '👍👍👍'],
  ['👍👍👍', 2, '👍…'],
])('clips %s to %i characters', (text, length, clipped) => {
  expect(clip(text, length)).toBe(clipped);
});

it.each([
  [undefined, '-'],
  [0, '0 B'],
  [999, '999 B'],
  [1_500_000, '1.5 MB'],
])('shows %s bytes as %s', (bytes, shown) => {
  expect(bytesOf(bytes)).toBe(shown);
});

it('fills a bar in proportion, and lets no count vanish', () => {
  expect(barParts([50, 1, 0, 49], 100, 20)).toEqual([9, 1, 0, 9]);
  expect(barParts([1_000_000, 1], 1_000_001, 20)).toEqual([18, 1]);
  expect(barParts([0, 0], 0, 20)).toEqual([0, 0]);
});
