import type { TaskState } from '@nestjs-asynq/core';
import { TASK_STATES } from '@nestjs-asynq/core/internal';
import { QueueNotFoundError } from '@nestjs-asynq/core';
import type { Board } from '../board.js';
import type { SearchFilter } from '../api/search.js';
import type { Viewer } from '../access/viewer.js';
import { QueueRows } from '../readings/queue-rows.js';
import { WorkSlices } from '../slices/work-slices.js';

/** A list to search: a state of a queue, or a group. */
export interface TaskListRef {
  readonly queue: string;
  readonly state: TaskState;
  readonly group?: string | undefined;
  readonly size: number;
}

/** Queues whose figures are read before their lists are looked at. */
const READ_AHEAD = 100;

/** The queues that a filter is about and that the viewer may see, sorted. @throws {QueueNotFoundError} one is hidden */
export async function queuesOf(
  filter: SearchFilter,
  board: Board,
  viewer: Viewer,
  isContinued = false,
): Promise<readonly string[]> {
  const { readings } = board;
  await (isContinued ? readings.ready() : readings.readySince(board.nowMs()));
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

/**
 * The lists of each queue that hold tasks, in a fixed order, by figures that are read for it: those that are known may not tell of a
 * task that came a moment ago. None for a queue that does not exist any more.
 * @param readAheadMs how long queues are read ahead
 * @throws {RedisCommandError} the figures of a queue cannot be read
 */
export async function* listsOf(
  queues: readonly string[],
  filter: SearchFilter,
  board: Board,
  readAheadMs = Number.POSITIVE_INFINITY,
): AsyncGenerator<{ readonly queue: string; readonly lists: readonly TaskListRef[] }> {
  const sinceMs = board.nowMs();
  const untilMs = sinceMs + readAheadMs;
  const slices = new WorkSlices(READ_AHEAD);
  for (const [nth, queue] of queues.entries()) {
    if (nth % READ_AHEAD === 0) await board.readings.readQueues(queues.slice(nth, nth + READ_AHEAD), sinceMs, untilMs);
    await slices.take();
    yield { queue, lists: await listsOfQueue(queue, sinceMs, filter, board) };
  }
}

async function listsOfQueue(
  queue: string,
  sinceMs: number,
  filter: SearchFilter,
  board: Board,
): Promise<TaskListRef[]> {
  try {
    const { info } = await board.readings.since(queue, sinceMs);
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
