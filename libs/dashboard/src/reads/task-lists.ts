import type { TaskState } from '@nestjs-asynq/core';
import { TASK_STATES } from '@nestjs-asynq/core/internal';
import { QueueNotFoundError } from '@nestjs-asynq/core';
import type { Board } from '../board.js';
import type { SearchFilter } from '../api/search.js';
import type { Viewer } from '../access/viewer.js';
import { QueueRows } from '../readings/queue-rows.js';

/** A list to search: a state of a queue, or a group. */
export interface TaskListRef {
  readonly queue: string;
  readonly state: TaskState;
  readonly group?: string | undefined;
  readonly size: number;
}

/** Figures of this age tell well enough which lists are empty. */
const KNOWN_MS = 5_000;

/** The queues that a filter is about and that the viewer may see, sorted. @throws {QueueNotFoundError} one is hidden */
export async function queuesOf(
  filter: SearchFilter,
  board: Board,
  viewer: Viewer,
  isContinued = false,
): Promise<readonly string[]> {
  const { readings } = board;
  await (isContinued ? readings.ready() : readings.readyAnew());
  if (!filter.queue) return new QueueRows(readings, viewer, board.nowMs()).names();
  for (const queue of filter.queue) viewer.checkSees(queue);
  return [...new Set(filter.queue)].toSorted();
}

/** The states that a filter is about. Active tasks have no time to compare. */
export function statesOf({ state, group, fromMs, toMs }: SearchFilter): TaskState[] {
  const isTimed = fromMs !== undefined || toMs !== undefined;
  return TASK_STATES.filter(
    (known) =>
      (state === undefined || state.includes(known)) &&
      !(known === 'active' && isTimed) &&
      (group === undefined || known === 'aggregating'),
  );
}

/** The lists of one queue that hold tasks, in a fixed order. None for a queue that does not exist any more. */
export async function listsOf(queue: string, filter: SearchFilter, board: Board): Promise<TaskListRef[]> {
  try {
    await board.readings.freshen([queue], KNOWN_MS, Number.POSITIVE_INFINITY);
    const info = board.readings.of(queue)?.info ?? (await board.readings.fresh(queue)).info;
    const lists = statesOf(filter).filter((state) => info[state] > 0);
    const groups = lists.includes('aggregating') ? await groupsOf(queue, filter, board) : [];
    const plain = lists.filter((state) => state !== 'aggregating');
    return [...plain.map((state) => ({ queue, state, size: info[state] })), ...groups];
  } catch (error) {
    if (error instanceof QueueNotFoundError) return [];
    throw error;
  }
}

async function groupsOf(queue: string, { group: wanted }: SearchFilter, { inspector }: Board): Promise<TaskListRef[]> {
  const groups = await inspector.groups(queue);
  return groups
    .filter(({ group }) => wanted === undefined || group === wanted)
    .map(({ group, size }) => ({ queue, state: 'aggregating', group, size }));
}
