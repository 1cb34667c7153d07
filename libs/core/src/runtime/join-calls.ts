// Imported, so that fake timers of a user's test, which replace the global ones, do not hold up calls.
import { setImmediate } from 'node:timers';

interface Call<Item, Outcome> {
  readonly items: readonly Item[];
  readonly resolve: (outcomes: Promise<Outcome[]>) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Calls that are made in one turn of the event loop become one call of `run`, which answers for each item by a promise.
 * A call is answered when its own items are. Adds no wait that a timer would know of: what a busy process does side by
 * side leaves together, a single call leaves at once.
 */
export function joinCalls<Item, Outcome>(
  run: (items: readonly Item[]) => readonly Promise<Outcome>[],
): (items: readonly Item[]) => Promise<Outcome[]> {
  let calls: Call<Item, Outcome>[] = [];

  function leave(): void {
    const leaving = calls;
    calls = [];
    try {
      const outcomes = run(leaving.flatMap(({ items }) => items));
      let at = 0;
      for (const { items, resolve } of leaving) resolve(Promise.all(outcomes.slice(at, (at += items.length))));
    } catch (error) {
      for (const { reject } of leaving) reject(error);
    }
  }

  return (items) =>
    new Promise((resolve, reject) => {
      calls.push({ items, resolve, reject });
      if (calls.length === 1) setImmediate(leave);
    });
}
