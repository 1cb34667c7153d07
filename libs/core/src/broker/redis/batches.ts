import { joinSettled } from '../../runtime/join-calls.js';

/** Limits of one script call: Redis serves no other client while a script runs. */
export interface BatchLimits {
  readonly items: number;
  /** Of the items together, mostly in bytes; a single item may be larger. */
  readonly size: number;
}

/** Items in batches, in their order. */
export function inBatches<Item>(items: readonly Item[], sizeOf: (item: Item) => number, most: BatchLimits): Item[][] {
  const batches: Item[][] = [];
  let batch: Item[] = [];
  let size = 0;
  for (const item of items) {
    const ownSize = sizeOf(item);
    if (batch.length === 0 || batch.length >= most.items || size + ownSize > most.size) {
      batches.push((batch = []));
      size = 0;
    }
    batch.push(item);
    size += ownSize;
  }
  return batches;
}

/** The places of items in batches of items with one key, in their order. */
export function keyedBatches<Item, Key>(
  items: readonly Item[],
  keyOf: (item: Item) => Key,
  sizeOf: (item: Item) => number,
  most: BatchLimits,
): { readonly key: Key; readonly indexes: readonly number[] }[] {
  const byKey = new Map<Key, number[]>();
  items.forEach((item, index) => {
    const key = keyOf(item);
    const indexes = byKey.get(key);
    if (indexes) indexes.push(index);
    else byKey.set(key, [index]);
  });
  return [...byKey].flatMap(([key, own]) =>
    inBatches(own, (index) => sizeOf(items[index]!), most).map((indexes) => ({ key, indexes })),
  );
}

/** Tasks of one call: the reply holds a few words for each. */
const READ_BATCH: BatchLimits = { items: 500, size: Infinity };

/** Reads something about a task. The reads of a turn of the event loop go together, those of a queue in one call of `run`. */
export function joinedReads<Outcome>(
  run: (queue: string, taskIds: readonly string[]) => Promise<readonly Outcome[]>,
): (queue: string, taskId: string) => Promise<Outcome> {
  const readAll = joinSettled<{ readonly queue: string; readonly taskId: string }, Outcome>((tasks, settle) => {
    const batches = keyedBatches(
      tasks,
      ({ queue }) => queue,
      () => 0,
      READ_BATCH,
    );
    for (const { key: queue, indexes } of batches) {
      const taskIds = indexes.map((index) => tasks[index]!.taskId);
      run(queue, taskIds).then(
        (outcomes) => indexes.forEach((index, nth) => settle.resolve(index, outcomes[nth]!)),
        (error: unknown) => indexes.forEach((index) => settle.reject(index, error)),
      );
    }
  });
  return async (queue, taskId) => (await readAll([{ queue, taskId }]))[0]!;
}
