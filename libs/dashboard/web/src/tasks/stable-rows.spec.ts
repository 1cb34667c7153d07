import { describe, expect, it } from 'vitest';
import { compareRows } from './stable-rows.js';

const row = (id: string, note = '') => ({ id, note });
const keyOf = ({ id }: { readonly id: string }): string => id;

describe('compareRows', () => {
  it('keeps the rows in their places and renews what they say', () => {
    const compared = compareRows([row('a'), row('b')], [row('b', 'new'), row('a', 'new')], keyOf);

    expect(compared.rows).toEqual([row('a', 'new'), row('b', 'new')]);
    expect(compared).toMatchObject({ news: 0, isReordered: true });
  });

  it('counts new rows instead of showing them', () => {
    const compared = compareRows([row('a')], [row('c'), row('b'), row('a')], keyOf);

    expect(compared.rows).toEqual([row('a')]);
    expect(compared).toMatchObject({ news: 2, isReordered: false });
  });

  it('leaves rows that are gone, and marks them', () => {
    const compared = compareRows([row('a'), row('b')], [row('b')], keyOf);

    expect(compared.rows).toEqual([row('a'), row('b')]);
    expect([...compared.gone]).toEqual(['a']);
    expect(compared.isReordered).toBe(false);
  });
});
