import type { WorkSlices } from './work-slices.js';

/** Items that are sorted, or merged, at once. */
const RUN = 250;

/** A sorted copy. Stable, as `toSorted`. */
export async function sortInSlices<Item>(
  items: readonly Item[],
  compare: (a: Item, b: Item) => number,
  slices: WorkSlices,
): Promise<readonly Item[]> {
  let runs: (readonly Item[])[] = [];
  for (let at = 0; at < items.length; at += RUN) {
    const run = items.slice(at, at + RUN);
    await slices.take(run.length);
    runs.push(run.toSorted(compare));
  }
  while (runs.length > 1) {
    const merged: (readonly Item[])[] = [];
    for (let at = 0; at < runs.length; at += 2) {
      const [one, other] = [runs[at]!, runs[at + 1]];
      merged.push(other ? await merge(one, other, compare, slices) : one);
    }
    runs = merged;
  }
  return runs[0] ?? [];
}

async function merge<Item>(
  one: readonly Item[],
  other: readonly Item[],
  compare: (a: Item, b: Item) => number,
  slices: WorkSlices,
): Promise<readonly Item[]> {
  const merged: Item[] = [];
  let [at, atOther] = [0, 0];
  while (at < one.length && atOther < other.length) {
    if (merged.length % RUN === 0) await slices.take(RUN);
    merged.push(compare(one[at]!, other[atOther]!) <= 0 ? one[at++]! : other[atOther++]!);
  }
  return merged.concat(one.slice(at), other.slice(atOther));
}
