import type { TaskInfo } from '@nestjs-asynq/core';
import { bytesOf } from '../output/bytes.js';
import { dateCell, dueCell, oneLine, textOf } from '../output/cells.js';
import { goDuration } from '../output/go-duration.js';
import { wrap } from '../output/width.js';

/** Cells of the labels. */
export const LABEL_WIDTH = 19;
/** Bytes of a payload or a result that can be looked at here. */
const MOST_BYTES = 65_536;
/** Lines around those of a task: heading, blank, footer, and the last, which stays free. */
const CHROME = 5;

/** A line of a task's view; the label of the first line of a fact. */
type TaskLine = readonly [label: string, text: string];

/** All that is known of a task, in lines of that width. */
export function taskLines(task: TaskInfo, nowMs: number, columns: number): TaskLine[] {
  const width = Math.max(1, columns - LABEL_WIDTH);
  return facts(task, nowMs).flatMap(([label, text]) =>
    text
      .split(/\r?\n/)
      .flatMap((line) => wrap(oneLine(line), width))
      .map((line, nth): TaskLine => [nth === 0 ? label : '', line]),
  );
}

/** Lines of a task that a terminal of that height shows at once. */
export const taskRoom = (lines: number): number => Math.max(1, lines - CHROME);

type Fact = readonly [label: string, text: string];

function facts(task: TaskInfo, nowMs: number): Fact[] {
  const { group, lastFailedAt, completedAt, progress } = task;
  const headers: Readonly<Record<string, string>> | undefined = task.headers; // an older core does not tell them
  const all: (Fact | undefined)[] = [
    ['ID', task.id],
    ['Type', task.type],
    ['State', task.isOrphaned ? `${task.state} (orphaned)` : task.state],
    ['Queue', task.queue],
    group === undefined ? undefined : ['Group', group],
    ['Retry', `${task.retried}/${task.maxRetry}`],
    task.crashes ? ['Crashes', String(task.crashes)] : undefined,
    task.timeoutMs === undefined ? undefined : ['Timeout', goDuration(task.timeoutMs)],
    task.deadline && ['Deadline', dateCell(task.deadline)],
    lastFailedAt && ['Last Failure Time', dateCell(lastFailedAt)],
    task.nextProcessAt && ['Next Process Time', nextProcessTime(task, task.nextProcessAt, nowMs)],
    completedAt && ['Completion Time', dateCell(completedAt)],
    progress && ['Progress', `${Math.round(progress.share * 100)}% ${progress.note ?? ''}`],
    ...Object.entries(headers ?? {}).map(([name, value]): Fact => ['Header', `${name}: ${value}`]),
    ['Payload', bytesText(task.payload)],
    task.lastError === '' ? undefined : ['Last Failure', task.lastError.trimEnd()],
    task.result && ['Result', bytesText(task.result)],
  ];
  return all.filter((fact) => fact !== undefined);
}

function bytesText(bytes: Uint8Array): string {
  const text = textOf(bytes.subarray(0, MOST_BYTES)) ?? (bytes.length > MOST_BYTES ? partOf(bytes) : undefined);
  if (text === undefined) return `not text, ${bytesOf(bytes.length)}`;
  return bytes.length > MOST_BYTES ? `${text}\n… (${bytesOf(bytes.length)}; all of it: asynq task inspect)` : text;
}

/** The cut may have hit a character. */
function partOf(bytes: Uint8Array): string | undefined {
  for (let less = 1; less <= 3; less++) {
    const text = textOf(bytes.subarray(0, MOST_BYTES - less));
    if (text !== undefined) return text;
  }
  return undefined;
}

/** A pending task is due: its time would be that of the refresh. */
function nextProcessTime({ state }: TaskInfo, at: Date, nowMs: number): string {
  return state === 'pending' ? 'now' : `${dateCell(at)} (${dueCell(at, nowMs)})`;
}
