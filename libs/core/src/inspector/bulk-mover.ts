import type { ListOps, ScannedId, TaskList } from '../broker/contract/lists.js';
import type { ListEnd, MoveOps, MoveTarget } from '../broker/contract/moves.js';
import type { BulkOptions } from './bulk-options.js';

/** Tasks of one step. Between steps Redis serves others, and the caller may give up. */
const STEP = 250;

/** Ids of a sorted set that one step notes: a smaller set is noted at one moment, about 4 ms of Redis. */
const SET_PAGE = 10_000;
/** Ids of a list, each of which is read together with its stamp. */
const LIST_PAGE = 2_000;

/** Entries of `pending` that one script call may walk past while it looks for tasks: about 5 ms. */
const WALK = 250_000;

/** A task to move, as a scan came by it. */
export interface MatchedTask extends ScannedId {
  /** How many newer ones lay before it in its list. */
  readonly depth: number;
}

/**
 * Moves many tasks in small steps, none of which holds Redis up. First it notes which tasks there are, then it names each
 * of them once, with the stamp that it had: one that has run meanwhile and come back is another one, and stays. A sorted set
 * of more than {@link SET_PAGE} tasks is noted in pages; a task that joins it between two of them may be noted, too.
 */
export class BulkMover {
  constructor(private readonly broker: ListOps & MoveOps) {}

  /** Moves the tasks that the list holds now, if they are still there; returns how many it moved. */
  async moveAll(queue: string, list: TaskList, to: MoveTarget, options: BulkOptions): Promise<number> {
    const tasks = new Map<string, MatchedTask>();
    const pageSize = list.state === 'pending' ? LIST_PAGE : SET_PAGE;
    let position: string | undefined;
    do {
      options.signal?.throwIfAborted();
      const page = await this.broker.scanIds(queue, list, position, pageSize);
      for (const { id, stamp } of page.entries) {
        if (!tasks.has(id)) tasks.set(id, { id, stamp, depth: tasks.size });
      }
      position = page.next;
    } while (position !== undefined);
    return this.moveMatched(queue, list, [...tasks.values()], to, options);
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
        const stamps = step.map(({ stamp }) => stamp);
        moved += countTrue(await this.broker.moveTasks(queue, list, ids, to, { near, stamps }));
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
      { near: 'oldest', tasks: older.map((task) => ({ ...task, depth: Math.max(size - task.depth, 0) })).reverse() },
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
    walked += tasks[at + size]!.depth - (at + size); // those nearer to the end that were taken before are gone
    if (walked > WALK && size > 0) break;
    size += 1;
  }
  return size;
}

const countTrue = (answers: readonly boolean[]): number => answers.filter(Boolean).length;
