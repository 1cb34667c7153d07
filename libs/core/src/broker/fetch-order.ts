/** Maximum number of expired leases that one recovery sorts. */
export const MOST_EXPIRED = 10_000;

/**
 * Ids of active tasks in the order in which they were fetched, which is that of their places in `active`: the oldest
 * has the highest. Ids without a place come last.
 */
export function inOrder(ids: readonly string[], place: (id: string) => number | undefined): string[] {
  const placeOf = (id: string): number => place(id) ?? -Infinity;
  return ids.toSorted((a, b) => compare(placeOf(b), placeOf(a)));
}

const compare = (a: number, b: number): number => (a < b ? -1 : a > b ? 1 : 0);
