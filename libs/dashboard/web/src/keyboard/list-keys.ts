import { type RefObject, useRef } from 'react';
import { useKeys } from './keys.js';

/**
 * `j` and `k` move through the rows of a list, `x` selects the row. The focus itself moves, to the element of the row
 * that is marked by `data-row`, so Enter opens it, and screen readers follow.
 */
export function useListKeys<Element extends HTMLElement>(): RefObject<Element | null> {
  const list = useRef<Element>(null);
  const rows = (): HTMLElement[] => [...(list.current?.querySelectorAll<HTMLElement>('[data-row]') ?? [])];
  const move = (by: 1 | -1): void => {
    const all = rows();
    const at = all.findIndex((row) => row.closest('tr')?.contains(document.activeElement) ?? false);
    const next = all[at < 0 ? 0 : Math.min(all.length - 1, Math.max(0, at + by))];
    next?.focus();
    next?.scrollIntoView({ block: 'nearest' });
  };
  useKeys({
    j: () => move(1),
    k: () => move(-1),
    x: () => {
      const row = document.activeElement?.closest('tr');
      if (row && list.current?.contains(row)) row.querySelector<HTMLInputElement>('input[type="checkbox"]')?.click();
    },
  });
  return list;
}
