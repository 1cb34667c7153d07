import type { TaskInfo, TaskState } from '@nestjs-asynq/core';
import { agoCell, dueCell, oneLine } from '../output/cells.js';
import { preview } from './cells.js';
import { clip } from '../output/width.js';

/** A column of a list: its title, and its cell for a task. */
type Column = readonly [title: string, cell: (task: TaskInfo, nowMs: number) => string];

/** Fits a UUID. */
const ID_LENGTH = 36;
const TYPE_LENGTH = 20;
const ERROR_LENGTH = 30;
/** Wider than any terminal, whose edge cuts the rest. */
const BYTES_LENGTH = 400;

const ID: Column = ['ID', ({ id }) => clip(oneLine(id), ID_LENGTH)];
const TYPE: Column = ['Type', ({ type }) => clip(oneLine(type), TYPE_LENGTH)];
const RETRY: Column = ['Retry', ({ retried, maxRetry }) => `${retried}/${maxRetry}`];
const NEXT: Column = ['Next Process Time', ({ nextProcessAt }, nowMs) => dueCell(nextProcessAt, nowMs)];
const ERROR: Column = ['Last Failure', ({ lastError }) => clip(oneLine(lastError), ERROR_LENGTH)];
const FAILED: Column = [
  'Last Failed At',
  ({ lastFailedAt }, nowMs) => (lastFailedAt ? agoCell(lastFailedAt, nowMs) : ''),
];
const COMPLETED: Column = ['Completed', ({ completedAt }, nowMs) => (completedAt ? agoCell(completedAt, nowMs) : '')];
const PAYLOAD: Column = ['Payload', ({ payload }) => preview(payload, BYTES_LENGTH)];
const RESULT: Column = ['Result', ({ result }) => (result ? preview(result, BYTES_LENGTH) : '')];

/** The most important columns come first: a narrow terminal cuts the rest. */
const COLUMNS: Readonly<Record<TaskState, readonly Column[]>> = {
  active: [ID, TYPE, RETRY, PAYLOAD],
  pending: [ID, TYPE, RETRY, PAYLOAD],
  aggregating: [ID, TYPE, PAYLOAD],
  scheduled: [ID, TYPE, NEXT, PAYLOAD],
  retry: [ID, TYPE, NEXT, RETRY, ERROR, PAYLOAD],
  archived: [ID, TYPE, FAILED, RETRY, ERROR, PAYLOAD],
  completed: [ID, TYPE, COMPLETED, RESULT, PAYLOAD],
};

export function taskTitles(state: TaskState): string[] {
  return COLUMNS[state].map(([title]) => title);
}

export function taskRow(task: TaskInfo, state: TaskState, nowMs: number): string[] {
  return COLUMNS[state].map(([, cell]) => cell(task, nowMs));
}
