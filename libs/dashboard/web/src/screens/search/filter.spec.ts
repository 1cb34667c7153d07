import { describe, expect, it } from 'vitest';
import { toSearch } from '../../routing/search-params.js';
import { filterOf, isEmptyFilter, paramsOf } from './filter.js';

describe('filterOf', () => {
  it('reads back what paramsOf writes', () => {
    const filter = {
      queue: ['a b', '..'],
      state: ['retry', 'archived'] as const,
      type: 'email:*',
      payload: '100 % & more',
      header: ['x=1=2'],
      fromMs: 1_000,
      text: '中文',
    };

    expect(filterOf(new URLSearchParams(toSearch(paramsOf(filter))))).toMatchObject(filter);
  });

  it('leaves out what is empty or not known', () => {
    const filter = filterOf(new URLSearchParams('state=nonsense&type=&fromMs=x&text=%20'));

    expect(isEmptyFilter(filter)).toBe(true);
  });
});
