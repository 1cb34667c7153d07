import type { TaskInfo, TaskState } from '@nestjs-asynq/core';
import { bytesCell, dateCell, dueCell } from '../output/cells.js';
import { table } from '../output/table.js';

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

/** Tasks of one state, in its columns. */
export function taskTable(tasks: readonly TaskInfo[], state: TaskState, nowMs: number): string {
  const isPartitioned = tasks.some(({ partition }) => partition !== undefined);
  const columns = isPartitioned ? [...COLUMNS[state], PARTITION] : COLUMNS[state];
  const rows = tasks.map((task) => columns.map(([, cell]) => cell(task, nowMs)));
  return table(
    columns.map(([title]) => title),
    rows,
  );
}
