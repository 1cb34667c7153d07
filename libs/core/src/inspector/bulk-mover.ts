import type { ListOps, TaskList } from '../broker/contract/lists.js';
import type { ListEnd, MoveOps, MoveTarget } from '../broker/contract/moves.js';

/** Tasks of one step. Between steps Redis serves others, and the caller may give up. */
const STEP = 250;

/** Entries of `pending` that one script call may walk past while it looks for tasks: about 5 ms. */
const WALK = 250_000;

/** How far bulk work has come. */
export interface BulkProgress {
  /** Tasks dealt with so far. */
  readonly done: number;
  /** Tasks to deal with; grows while matching tasks are still being searched. */
  readonly total: number;
}

/** Options of bulk work. */
export interface BulkOptions {
  /** Stops the work between two steps; the call then rejects with the signal's reason. What is done stays done. */
  readonly signal?: AbortSignal | undefined;
  /** Told after every step. */
  readonly onProgress?: ((progress: BulkProgress) => void) | undefined;
}

/** A task to move, and how many newer ones lay before it in its list. */
export interface MatchedTask {
  readonly id: string;
  readonly depth: number;
}

/** Moves many tasks in small steps, none of which holds Redis up. */
export class BulkMover {
  constructor(private readonly broker: Pick<ListOps, 'listSize' | 'listIds'> & Pick<MoveOps, 'moveTasks'>) {}

  /** Moves as many tasks as the list holds now, the first in asynq's order first; returns how many it moved. */
  async moveAll(queue: string, list: TaskList, to: MoveTarget, options: BulkOptions): Promise<number> {
    const total = await this.broker.listSize(queue, list);
    let moved = 0;
    for (let done = 0; done < total;) {
      options.signal?.throwIfAborted();
      // Every id that was named before has left the list, so the next ones are the first again.
      const ids = await this.broker.listIds(queue, list, 0, Math.min(STEP, total - done));
      if (ids.length === 0) break;
      moved += countTrue(await this.broker.moveTasks(queue, list, ids, to));
      done += ids.length;
      options.onProgress?.({ done, total });
    }
    return moved;
  }

  /** Moves the tasks that a walk through the list found, if they are still there; returns how many it moved. */
  async moveMatched(
    queue: string,
    list: TaskList,
    tasks: readonly MatchedTask[],
    to: MoveTarget,
    options: BulkOptions,
  ): Promise<number> {
    let moved = 0;
    let done = 0;
    for (const { near, tasks: half } of await this.halves(queue, list, tasks)) {
      for (let at = 0; at < half.length;) {
        options.signal?.throwIfAborted();
        const step = half.slice(at, at + (list.state === 'pending' ? stepInRow(half, at) : STEP));
        const ids = step.map(({ id }) => id);
        moved += countTrue(await this.broker.moveTasks(queue, list, ids, to, near));
        at += step.length;
        done += step.length;
        options.onProgress?.({ done, total: tasks.length });
      }
    }
    return moved;
  }

  /** A Redis list is walked from one end to each task that leaves it: from the nearer one, and the nearest tasks first. */
  private async halves(queue: string, list: TaskList, tasks: readonly MatchedTask[]): Promise<Half[]> {
    if (list.state !== 'pending') return [{ near: 'newest', tasks }];
    const size = await this.broker.listSize(queue, list);
    const older = tasks.filter(({ depth }) => depth > size / 2);
    return [
      { near: 'newest', tasks: tasks.filter(({ depth }) => depth <= size / 2) },
      { near: 'oldest', tasks: older.map(({ id, depth }) => ({ id, depth: Math.max(size - depth, 0) })).reverse() },
    ];
  }
}

interface Half {
  readonly near: ListEnd;
  /** With their distances from that end. */
  readonly tasks: readonly MatchedTask[];
}

/** How many of the tasks from `at` on one call may take out of a Redis list. */
function stepInRow(tasks: readonly MatchedTask[], at: number): number {
  let walked = 0;
  let size = 0;
  while (size < STEP && at + size < tasks.length) {
    walked += tasks[at + size]!.depth;
    if (walked > WALK && size > 0) break;
    size += 1;
  }
  return size;
}

const countTrue = (answers: readonly boolean[]): number => answers.filter(Boolean).length;
