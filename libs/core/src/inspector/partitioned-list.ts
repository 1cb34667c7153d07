import type { ListOps, StoredTask, TaskList } from '../broker/contract/lists.js';

/**
 * A page of the tasks of several ordinary queues, interleaved: first the first ones of all queues, then the second
 * ones, … So it costs as much as a page of one queue, however deep it is, and each task is on one page. Delayed tasks
 * are sorted by their times within the page.
 */
export async function listSideBySide(
  broker: Pick<ListOps, 'listSize' | 'listTasks'>,
  names: readonly string[],
  list: TaskList,
  skip: number,
  limit: number,
): Promise<StoredTask[]> {
  const sizes = await Promise.all(names.map((name) => broker.listSize(name, list)));
  const [from, to] = [takenBefore(sizes, skip), takenBefore(sizes, skip + limit)];
  const pages = await Promise.all(
    names.map(async (name, at) => {
      const count = to[at]! - from[at]!;
      return count > 0 ? broker.listTasks(name, list, from[at]!, count) : [];
    }),
  );
  const ranked = pages.flatMap((tasks, at) => tasks.map((task, nth) => ({ task, rank: from[at]! + nth, at })));
  const isDelayed = list.state === 'scheduled' || list.state === 'retry';
  const dueMs = ({ task }: { readonly task: StoredTask }): number => task.nextProcessAtMs ?? 0;
  return ranked
    .toSorted((a, b) => (isDelayed ? dueMs(a) - dueMs(b) : 0) || a.rank - b.rank || a.at - b.at)
    .map(({ task }) => task);
}

/** How many tasks of each queue are among the first `count` of all, taken in turn. */
function takenBefore(sizes: readonly number[], count: number): number[] {
  const taken = (rank: number): number => sizes.reduce((sum, size) => sum + Math.min(size, rank), 0);
  let [low, high] = [0, Math.max(0, ...sizes)];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (taken(middle) <= count) low = middle;
    else high = middle - 1;
  }
  let rest = count - taken(low);
  return sizes.map((size) => {
    const isOneMore = size > low && rest > 0;
    if (isOneMore) rest -= 1;
    return Math.min(size, low) + Number(isOneMore);
  });
}
