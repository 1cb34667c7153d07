import { TaskNotFoundError, TaskStateError } from '@nestjs-asynq/core';
import { type BulkProgress, errorText, type MatchingOptions } from '@nestjs-asynq/core/internal';
import { NEEDED_RIGHT, type Right } from '../api/access.js';
import { MATCHING_STATES } from '../api/allowed-states.js';
import { type MatchingLine, type MatchingPart, type MatchingReport, type SearchFilter } from '../api/search.js';
import type { CancelOutcome } from '../api/tasks.js';
import { Fields } from '../http/fields.js';
import { RequestError } from '../http/request.error.js';
import { toRequestError } from '../http/error-answer.js';
import { readOnlyError } from '../access/viewer.js';
import { listsOf, queuesOf, type TaskListRef } from '../reads/task-lists.js';
import { filterFor, matchesAll, readFilter } from '../reads/task-matcher.js';
import { WorkSlices } from '../slices/work-slices.js';
import type { WriteContext } from './write.js';

const ACTIONS = ['run', 'archive', 'delete', 'cancel'] as const;
type Action = (typeof ACTIONS)[number];

/** So many more tasks than were confirmed may match when the work begins. */
const TOLERANCE = { share: 0.1, count: 10 };

/** Lists that are looked at in one turn of the event loop. */
const QUEUES_PER_TURN = 100;

/** Progress is told at most this often. */
const TELL_MS = 200;

interface Order {
  readonly action: Action;
  readonly outcome: CancelOutcome | undefined;
  readonly filter: SearchFilter;
  readonly isDryRun: boolean;
  readonly confirmed: number | undefined;
}

type Tell = (line: MatchingLine) => Promise<void>;

/** @throws {RequestError} the order is wrong, or this person may not act at all */
export function readMatchingOrder({ body, viewer }: WriteContext): Order {
  const action = body.oneOf('action', ACTIONS);
  if (action === undefined) body.refuse('action', 'given');
  const filter = Fields.ofBody(body.value('filter') ?? {});
  const order: Order = {
    action: action ?? 'run',
    outcome: body.oneOf('outcome', ['retry', 'archive', 'delete']),
    filter: readFilter(filter),
    isDryRun: body.flag('dryRun') ?? false,
    confirmed: body.wholeNumber('confirmed', { min: 0, max: Number.MAX_SAFE_INTEGER }),
  };
  if (action === 'cancel' && order.outcome === undefined) body.refuse('outcome', 'retry, archive or delete');
  body.done();
  filter.done();
  if (viewer.readOnly) throw readOnlyError();
  return order;
}

/** Acts on all tasks that match, list after list, and tells the progress. Ends when the client is gone. */
export class MatchingWork {
  private readonly parts: MatchingPart[] = [];
  /** Of all parts so far. */
  private readonly sums = { matched: 0, done: 0, impossible: 0 };
  private toldAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly context: WriteContext,
    private readonly order: Order,
    private readonly tell: Tell,
  ) {}

  async run(): Promise<void> {
    const { board, viewer, audit, signal } = this.context;
    let error: RequestError | undefined;
    try {
      const lists = await this.lists();
      if (this.order.confirmed !== undefined && !this.order.isDryRun) await this.checkConfirmed(lists);
      const slices = new WorkSlices(QUEUES_PER_TURN);
      for (const list of lists) {
        await slices.take();
        signal.throwIfAborted();
        this.add(await this.actOn(list));
      }
    } catch (thrown) {
      error = signal.aborted ? new RequestError(499, 'INTERNAL', 'stopped') : toRequestError(thrown, board.logger);
    }
    const report = this.report();
    if (!this.order.isDryRun) {
      const queues = [...new Set(this.parts.map(({ queue }) => queue))];
      for (const queue of queues) board.readings.changed(queue);
      audit.note({
        at: new Date(board.nowMs()),
        who: viewer.who,
        action: this.order.action,
        connection: board.connection.name,
        queues,
        filter: this.order.filter,
        ...(this.order.outcome !== undefined && { details: { outcome: this.order.outcome } }),
        count: report.done,
        failed: report.skipped,
        ...(error && { error: error.message }),
      });
    }
    await this.tell(
      error ? { kind: 'error', code: error.code, message: error.message, report } : { kind: 'end', report },
    );
  }

  private async lists(): Promise<TaskListRef[]> {
    const { board, viewer, signal } = this.context;
    const lists: TaskListRef[] = [];
    const queues = await queuesOf(this.order.filter, board, viewer);
    for await (const { lists: own } of listsOf(queues, this.order.filter, board)) {
      signal.throwIfAborted();
      lists.push(...own);
    }
    return lists;
  }

  /** @throws {RequestError} many more tasks match than the person was told */
  private async checkConfirmed(lists: readonly TaskListRef[]): Promise<void> {
    const confirmed = this.order.confirmed!;
    const slices = new WorkSlices(QUEUES_PER_TURN);
    let count = 0;
    for (const list of lists) {
      await slices.take();
      if (this.problemOf(list) === undefined) count += await this.count(list, count);
    }
    if (count <= confirmed + Math.max(TOLERANCE.count, confirmed * TOLERANCE.share)) return;
    throw new RequestError(409, 'TASK_STATE', `${count} tasks match now, not ${confirmed}: nothing was done`);
  }

  private problemOf({ queue, state }: TaskListRef): string | undefined {
    if (!MATCHING_STATES[this.order.action].includes(state)) return `not possible for ${state} tasks`;
    return this.context.viewer.may(queue, this.neededRight) ? undefined : `the right "${this.neededRight}" is missing`;
  }

  private get neededRight(): Right {
    const { action, outcome } = this.order;
    return NEEDED_RIGHT[action === 'cancel' && outcome === 'delete' ? 'delete' : action];
  }

  private async actOn(list: TaskListRef): Promise<MatchingPart> {
    const place = { queue: list.queue, state: list.state, ...(list.group !== undefined && { group: list.group }) };
    const problem = this.problemOf(list);
    const before = { ...this.sums };
    if (problem !== undefined || this.order.isDryRun) {
      const matched = await this.count(list, before.matched);
      return { ...place, matched, done: 0, ...(problem !== undefined && { problem }) };
    }
    let progress: BulkProgress = { done: 0, total: 0 };
    const onProgress = (now: BulkProgress): void => {
      progress = now;
      this.tellProgress('acting', before.done + now.done, before.matched + now.total);
    };
    try {
      const done = await this.move(list, { signal: this.context.signal, onProgress });
      return { ...place, matched: Math.max(progress.total, done), done };
    } catch (error) {
      const part = { ...place, matched: progress.total, done: progress.done, problem: errorText(error) };
      if (!this.context.signal.aborted) return part;
      this.add(part);
      throw error;
    }
  }

  private move(list: TaskListRef, options: MatchingOptions): Promise<number> {
    const { inspector, redactor } = this.context.board;
    const filter = filterFor(list, this.order.filter, redactor);
    const isAll = matchesAll(this.order.filter);
    const { queue, state, group } = list;
    const ofGroup = group === undefined ? options : { ...options, group };
    switch (this.order.action) {
      case 'run':
        return isAll ? inspector.runAll(queue, state, ofGroup) : inspector.runMatching(filter, options);
      case 'archive':
        return isAll ? inspector.archiveAll(queue, state, ofGroup) : inspector.archiveMatching(filter, options);
      case 'delete':
        return isAll ? inspector.deleteAll(queue, state, ofGroup) : inspector.deleteMatching(filter, options);
      case 'cancel':
        return this.cancelAll(list, options);
    }
  }

  /** Active tasks are few: as many as the servers have slots. */
  private async cancelAll(list: TaskListRef, { signal, onProgress }: MatchingOptions): Promise<number> {
    const ids = await this.idsOf(list);
    let done = 0;
    for (const [at, id] of ids.entries()) {
      signal?.throwIfAborted();
      try {
        const reply = await this.context.board.inspector.cancel(list.queue, id, { outcome: this.order.outcome! });
        if (reply !== 'unchanged') done += 1;
      } catch (error) {
        // It has ended meanwhile.
        if (!(error instanceof TaskNotFoundError || error instanceof TaskStateError)) throw error;
      }
      onProgress?.({ done: at + 1, total: ids.length });
    }
    return done;
  }

  /** How many tasks of a list match. */
  private async count(list: TaskListRef, before: number): Promise<number> {
    if (matchesAll(this.order.filter)) return list.size;
    let count = 0;
    for await (const found of this.pages(list)) {
      count += found.length;
      this.tellProgress('counting', before + count, before + count);
    }
    return count;
  }

  private async idsOf(list: TaskListRef): Promise<string[]> {
    const ids = new Set<string>();
    for await (const found of this.pages(list)) for (const { id } of found) ids.add(id);
    return [...ids];
  }

  private async *pages(list: TaskListRef) {
    const filter = filterFor(list, this.order.filter, this.context.board.redactor);
    let cursor: string | undefined;
    do {
      this.context.signal.throwIfAborted();
      const found = await this.context.board.inspector.findTasks({ ...filter, cursor, limit: 250, scanBudget: 250 });
      yield found.tasks;
      cursor = found.cursor;
    } while (cursor !== undefined);
  }

  private tellProgress(phase: 'counting' | 'acting', done: number, total: number): void {
    const nowMs = performance.now();
    if (nowMs - this.toldAtMs < TELL_MS) return;
    this.toldAtMs = nowMs;
    void this.tell({ kind: 'progress', phase, done, total }).catch(() => undefined); // the client is gone: the signal ends the work
  }

  private add(part: MatchingPart): void {
    this.parts.push(part);
    this.sums.matched += part.matched;
    this.sums.done += part.done;
    if (part.problem !== undefined) this.sums.impossible += part.matched;
  }

  private report(): MatchingReport {
    const { matched, done, impossible } = this.sums;
    return {
      matched,
      done,
      skipped: this.order.isDryRun ? impossible : matched - done,
      parts: this.parts.filter((part) => part.matched > 0 || part.problem !== undefined),
    };
  }
}
