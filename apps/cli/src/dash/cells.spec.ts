import { expect, it } from 'vitest';
import { barParts, preview } from './cells.js';
import { bytesOf } from '../output/bytes.js';
import { clip } from '../output/width.js';

it.each([
  ['short', 5, 'short'],
  ['too long', 5, 'too …'],
  ['👍👍👍', 6, '👍👍👍'],
  ['👍👍👍', 5, '👍👍…'],
  ['日本語', 4, '日…'],
  ['e\u0301a\u0308', 2, 'e\u0301a\u0308'],
])('clips %s to %i cells', (text, length, clipped) => {
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

it.each([
  [Buffer.from('{"a": 1}'), 20, '{"a": 1}'],
  [Buffer.from('{\n  "a": 1\n}'), 20, '{\\n  "a": 1\\n}'],
  [Buffer.from('\u001b[31mred'), 20, '\\u001b[31mred'],
  [Buffer.from('語'.repeat(1_000)), 6, '語語…'],
  [Buffer.from([0x61, 0xe8]), 20, 'not text, 2 B'],
  [Buffer.from([]), 20, ''],
])('previews %j in %i cells', (bytes, width, shown) => {
  expect(preview(bytes, width)).toBe(shown);
});

it('fills a bar in proportion, and shows every count', () => {
  expect(barParts([50, 1, 0, 49], 100, 20)).toEqual([9, 1, 0, 9]);
  expect(barParts([1_000_000, 1], 1_000_001, 20)).toEqual([18, 1]);
  expect(barParts([0, 0], 0, 20)).toEqual([0, 0]);
});
