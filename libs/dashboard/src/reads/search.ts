import type { TaskInfo, TaskState } from '@nestjs-asynq/core';
import { TASK_STATES } from '@nestjs-asynq/core/internal';
import { BOUNDS } from '../api/bounds.js';
import type { SearchFilter, SearchPiece } from '../api/search.js';
import type { Board } from '../board.js';
import { invalid } from '../http/request.error.js';
import { WorkSlices } from '../slices/work-slices.js';
import type { Read } from './read.js';
import { listsOf, queuesOf, statesOf, type TaskListRef } from './task-lists.js';
import { filterFor, readFilter } from './task-matcher.js';

/** How long one piece may take. */
const PIECE_MS = 400;

/** Where the next piece begins, as the cursor holds it. */
interface Position {
  readonly queue: string;
  readonly state: TaskState;
  readonly group: string | undefined;
  /** Inside of the list. */
  readonly cursor: string | undefined;
  /** Tasks read before. */
  readonly scanned: number;
}

export const readSearch: Read = async ({ board, viewer, query, signal }) => {
  const filter = readFilter(query);
  const limit = query.numberOr('limit', BOUNDS.searchLimit);
  const budget = query.numberOr('scanBudget', BOUNDS.scanBudget);
  const cursor = query.text('cursor', 4_000);
  query.done();
  const from = cursor === undefined ? undefined : readCursor(cursor);
  const queues = await queuesOf(filter, board, viewer, from !== undefined);
  const piece = await new PieceOfSearch(board, filter, { limit, budget, signal }).run(queues, from);
  const scannedTotal = (from?.scanned ?? 0) + piece.scanned;
  const answer: SearchPiece = {
    tasks: await board.tasks.rows(piece.tasks, board.readings.servers),
    cursor: piece.next && writeCursor({ ...piece.next, scanned: scannedTotal }),
    scanned: piece.scanned,
    scannedTotal,
    total: Math.max(await totalOf(filter, board, queues), scannedTotal),
    at: piece.at && { queue: piece.at.queue, state: piece.at.state },
  };
  return answer;
};

interface Limits {
  readonly limit: number;
  readonly budget: number;
  readonly signal: AbortSignal;
}

/** Searches list after list, until enough is found or read, the time is up, or nobody waits any more. */
class PieceOfSearch {
  private readonly tasks: TaskInfo[] = [];
  private scanned = 0;
  private readonly endsAtMs: number;
  private at: TaskListRef | undefined;

  constructor(
    private readonly board: Board,
    private readonly filter: SearchFilter,
    private readonly limits: Limits,
  ) {
    this.endsAtMs = performance.now() + PIECE_MS;
  }

  async run(queues: readonly string[], from: Position | undefined) {
    let next: Omit<Position, 'scanned'> | undefined;
    const left = from ? queues.filter((queue) => queue >= from.queue) : queues;
    for await (const { queue, lists } of listsOf(left, this.filter, this.board, PIECE_MS)) {
      if (this.isOver) {
        next ??= { queue, state: TASK_STATES[0], group: undefined, cursor: undefined };
        break;
      }
      next = await this.searchQueue(queue, lists, from?.queue === queue ? from : undefined);
      if (next) break;
    }
    return { tasks: this.tasks, scanned: this.scanned, next, at: this.at };
  }

  private async searchQueue(
    queue: string,
    lists: readonly TaskListRef[],
    from: Position | undefined,
  ): Promise<Omit<Position, 'scanned'> | undefined> {
    for (const list of lists) {
      if (from && isBefore(list, from)) continue;
      const place = { queue, state: list.state, group: list.group };
      if (this.isOver) return { ...place, cursor: undefined };
      const isSame = from !== undefined && list.state === from.state && list.group === from.group;
      const cursor = await this.searchList(list, isSame ? from.cursor : undefined);
      if (cursor !== undefined) return { ...place, cursor };
    }
    return undefined;
  }

  /** The cursor to go on with; `undefined`: the list has been searched. */
  private async searchList(list: TaskListRef, cursor: string | undefined): Promise<string | undefined> {
    this.at = list;
    const filter = filterFor(list, this.filter, this.board.redactor);
    let next = cursor;
    do {
      const found = await this.board.inspector.findTasks({
        ...filter,
        limit: this.limits.limit - this.tasks.length,
        scanBudget: Math.min(STEP, this.limits.budget - this.scanned),
        cursor: next,
      });
      this.tasks.push(...found.tasks);
      this.scanned += found.scanned;
      next = found.cursor;
    } while (next !== undefined && !this.isOver);
    return next;
  }

  private get isOver(): boolean {
    return (
      this.tasks.length >= this.limits.limit ||
      this.scanned >= this.limits.budget ||
      this.limits.signal.aborted ||
      performance.now() >= this.endsAtMs
    );
  }
}

/** Tasks between two looks at the time. */
const STEP = 250;

/** In the order in which the lists of one queue are searched. */
function isBefore(list: Pick<TaskListRef, 'state' | 'group'>, other: Pick<TaskListRef, 'state' | 'group'>): boolean {
  const order = TASK_STATES.indexOf(list.state) - TASK_STATES.indexOf(other.state);
  return order < 0 || (order === 0 && (list.group ?? '') < (other.group ?? ''));
}

async function totalOf(filter: SearchFilter, { readings }: Board, queues: readonly string[]): Promise<number> {
  const states = statesOf(filter);
  const slices = new WorkSlices();
  let total = 0;
  for (const queue of queues) {
    await slices.take();
    const info = readings.of(queue)?.info;
    if (info) for (const state of states) total += info[state];
  }
  return total;
}

function writeCursor({ queue, state, group, cursor, scanned }: Position): string {
  return Buffer.from(JSON.stringify([queue, state, group ?? null, cursor ?? null, scanned])).toString('base64url');
}

/** @throws {RequestError} it is not from a search */
function readCursor(text: string): Position {
  try {
    const parts = JSON.parse(Buffer.from(text, 'base64url').toString()) as unknown[];
    const [queue, state, group, cursor, scanned] = parts;
    const isText = (value: unknown): boolean => value === null || typeof value === 'string';
    const isFine =
      typeof queue === 'string' &&
      TASK_STATES.includes(state as TaskState) &&
      isText(group) &&
      isText(cursor) &&
      Number.isSafeInteger(scanned) &&
      (scanned as number) >= 0;
    if (isFine) {
      return {
        queue,
        state: state as TaskState,
        group: (group as string | null) ?? undefined,
        cursor: (cursor as string | null) ?? undefined,
        scanned: scanned as number,
      };
    }
  } catch {
    // no JSON: as any other text that is no cursor
  }
  throw invalid([{ field: 'cursor', allowed: 'the cursor of an earlier search' }]);
}
