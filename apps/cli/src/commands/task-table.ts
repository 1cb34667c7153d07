import type { TaskInfo, TaskState } from '@nestjs-asynq/core';
import { bytesCell, dateCell, dueCell } from '../output/cells.js';
import { TableWriter } from '../output/table.js';

/** A column of a list: its title, and its cell for a task. */
type Column = readonly [title: string, cell: (task: TaskInfo, nowMs: number) => string | number];

const ID: Column = ['ID', ({ id }) => id];
const BASE: readonly Column[] = [ID, ['Type', ({ type }) => type], ['Payload', ({ payload }) => bytesCell(payload)]];
const LAST_ERROR: Column = ['Last Error', ({ lastError }) => lastError];
const LAST_FAILED: Column = ['Last Failed', ({ lastFailedAt }) => dateCell(lastFailedAt)];

/** Only where a task has one: asynq has no such column. */
const PARTITION: Column = ['Partition', ({ partition }) => partition ?? ''];

/** What asynq shows of tasks in each state. */
const COLUMNS: Readonly<Record<TaskState, readonly Column[]>> = {
  active: BASE,
  pending: BASE,
  scheduled: [...BASE, ['Process In', ({ nextProcessAt }, nowMs) => dueCell(nextProcessAt, nowMs)]],
  retry: [
    ...BASE,
    ['Next Retry', ({ nextProcessAt }, nowMs) => dueCell(nextProcessAt, nowMs)],
    LAST_ERROR,
    LAST_FAILED,
    ['Retried', ({ retried }) => retried],
    ['Max Retry', ({ maxRetry }) => maxRetry],
  ],
  archived: [...BASE, LAST_FAILED, LAST_ERROR],
  completed: [
    ...BASE,
    ['CompletedAt', ({ completedAt }) => dateCell(completedAt)],
    ['Result', ({ result }) => bytesCell(result)],
  ],
  aggregating: [...BASE, ['Group', ({ group }) => group ?? '']],
};

export const TASK_STATES = Object.keys(COLUMNS) as TaskState[];

/** What tasks of several states have in common. */
const MIXED: readonly Column[] = [
  ['Queue', ({ queue }) => queue],
  ['State', ({ state }) => state],
  ID,
  ['Type', ({ type }) => type],
  ['Time', (task) => dateCell(timeOf(task))],
  LAST_ERROR,
  ['Payload', ({ payload }) => bytesCell(payload)],
];

/** The time that a search compares, where it is known from the task. */
function timeOf({ state, nextProcessAt, completedAt, lastFailedAt }: TaskInfo): Date | undefined {
  if (state === 'scheduled' || state === 'retry') return nextProcessAt;
  return state === 'completed' ? completedAt : lastFailedAt;
}

interface TaskRowsLayout {
  /** States that the tasks may be in. */
  readonly states: readonly TaskState[];
  readonly nowMs: number;
  /** Cells of a line. Default: no limit. */
  readonly width?: number | undefined;
  /** Whether they may be of several queues. */
  readonly hasQueues?: boolean;
}

/** Tasks in the columns of their state, or in common ones. */
export class TaskRows {
  readonly #columns: readonly Column[];
  readonly #table: TableWriter;
  readonly #nowMs: number;

  /** @param first some tasks: they decide whether there is a column for partitions */
  constructor(first: readonly TaskInfo[], { states, nowMs, width, hasQueues = false }: TaskRowsLayout) {
    const [state] = states;
    const own = states.length === 1 ? [...(hasQueues ? [MIXED[0]!] : []), ...COLUMNS[state!]] : MIXED;
    this.#columns = first.some(({ partition }) => partition !== undefined) ? [...own, PARTITION] : own;
    this.#table = new TableWriter(
      this.#columns.map(([title]) => title),
      { width },
    );
    this.#nowMs = nowMs;
  }

  add(tasks: readonly TaskInfo[]): string {
    return this.#table.add(tasks.map((task) => this.#columns.map(([, cell]) => cell(task, this.#nowMs))));
  }
}
