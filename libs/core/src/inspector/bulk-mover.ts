import type { ListOps, ScannedId, TaskList } from '../broker/contract/lists.js';
import type { ListEnd, MoveOps, MoveTarget } from '../broker/contract/moves.js';
import type { BulkOptions } from './bulk-options.js';

/** Tasks per step. Between steps Redis serves other clients, and the caller may stop the work. */
const STEP = 250;

/** Ids of a sorted set per page: a smaller set is read at one moment, which takes Redis about 4 ms. */
const SET_PAGE = 10_000;
/** Ids of a list per page, each of which is read together with its stamp. */
const LIST_PAGE = 2_000;

/** Entries of `pending` that Redis may have to walk through for one step: about 5 ms, in several script calls. */
const WALK = 250_000;

/** A task to move, as found by a scan. */
export interface MatchedTask extends ScannedId {
  /** Number of newer entries in its list. */
  readonly depth: number;
}

/**
 * Moves many tasks in small steps that do not block Redis for long. It first lists the tasks, and then moves each of
 * them once, if its stamp is unchanged: one that has run and come back since stays. A sorted set of more than
 * {@link SET_PAGE} tasks is listed in pages; a task added between two pages may be included.
 */
export class BulkMover {
  constructor(private readonly broker: ListOps & MoveOps) {}

  /** Moves the tasks that are in the list now, unless they leave it first; returns the number moved. */
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

  /** Moves the tasks that a scan of the list found, unless they have left it; returns the number moved. */
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

  /**
   * Redis walks a list from one end to each task that is removed: so use the nearer end, and the nearest tasks first.
   */
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

/** The number of tasks, from `at` on, that one call may remove from a Redis list. */
function stepInRow(tasks: readonly MatchedTask[], at: number): number {
  let walked = 0;
  let size = 0;
  while (size < STEP && at + size < tasks.length) {
    walked += tasks[at + size]!.depth - (at + size); // the earlier ones have been removed
    if (walked > WALK && size > 0) break;
    size += 1;
  }
  return size;
}

const countTrue = (answers: readonly boolean[]): number => answers.filter(Boolean).length;
