import type { TaskInfo, TaskState } from '@nestjs-asynq/core';
import type { Context } from '../context.js';
import { JsonList } from '../output/json.js';
import { UsageError } from '../usage.error.js';
import { checkGroup, type Cli, type Run, stateFlags, toggle } from './command.js';
import { TASK_STATES, TaskRows } from './task-table.js';

/** The most tasks that the inspector lists in one call. */
const MOST_PER_CALL = 10_000;
/** Rows that are laid out together: columns of later ones may be wider. */
const ROWS = 1_000;

interface ListFlags {
  readonly queue: string;
  readonly state: TaskState;
  readonly group: string | undefined;
  readonly page: number;
  readonly size: number;
  readonly wide: boolean;
}

export function listCommand(cli: Cli, run: Run): Cli {
  return cli.command(
    ['list', 'ls'],
    'List tasks in a state',
    (command) =>
      stateFlags(command, TASK_STATES)
        .option('page', { type: 'number', default: 1, describe: 'Number of the page; 0: the last tasks' })
        .option('size', { type: 'number', default: 30, describe: 'Tasks on a page; 0: all' })
        .option('wide', { ...toggle('Print whole cells on a terminal'), alias: 'w' }),
    run(list),
  );
}

async function list(context: Context, flags: ListFlags): Promise<void> {
  const { queue, state, group } = flags;
  checkGroup(state, group);
  const pages = pagesOf(context, flags);
  if (context.isJson) return printJson(context, pages);
  const nowMs = context.io.nowMs();
  let rows: TaskRows | undefined;
  for await (const page of pages) {
    for (let at = 0; at < page.length; at += ROWS) {
      rows ??= new TaskRows(page, { states: [state], nowMs, width: flags.wide ? undefined : context.columns });
      context.io.stdout(`${rows.add(page.slice(at, at + ROWS))}\n`);
    }
  }
  if (!rows) context.io.stdout(`${nothing(queue, state, group)}\n`);
}

async function printJson(context: Context, pages: AsyncIterable<readonly TaskInfo[]>): Promise<void> {
  const json = new JsonList();
  for await (const page of pages) {
    for (let at = 0; at < page.length; at += ROWS) context.io.stdout(json.add(page.slice(at, at + ROWS)));
  }
  context.io.stdout(`${json.end()}\n`);
}

/** The wanted tasks, in pages that one call can list. */
async function* pagesOf(
  context: Context,
  { queue, state, group, page, size }: ListFlags,
): AsyncGenerator<readonly TaskInfo[]> {
  if (page < 0 || size < 0) throw new UsageError(`--page and --size must not be negative`);
  const read = (nth: number, count: number) =>
    context.inspector.listTasks(queue, state, { group, page: nth, size: count });
  if (size > 0 && size <= MOST_PER_CALL && page > 0) return yield await read(page, size);
  const total = await sizeOf(context, queue, state, group);
  // As in asynq, size 0 means all tasks, and page 0 the last ones.
  const from = size === 0 ? 0 : page === 0 ? Math.max(0, total - size) : (page - 1) * size;
  const end = size === 0 ? total : from + size;
  for (let at = from; at < end;) {
    const nth = Math.floor(at / MOST_PER_CALL);
    const tasks = await read(nth + 1, MOST_PER_CALL);
    const first = nth * MOST_PER_CALL;
    yield tasks.slice(at - first, end - first);
    if (tasks.length < MOST_PER_CALL) return;
    at = first + MOST_PER_CALL;
  }
}

/** The number of tasks in a state, or in a group. */
export async function sizeOf(
  context: Context,
  queue: string,
  state: TaskState,
  group: string | undefined,
): Promise<number> {
  if (state !== 'aggregating') return (await context.inspector.queueInfo(queue))[state];
  const groups = await context.inspector.groups(queue);
  return groups.find((known) => known.group === group)?.size ?? 0;
}

function nothing(queue: string, state: TaskState, group: string | undefined): string {
  return state === 'aggregating'
    ? `No aggregating tasks in group ${JSON.stringify(group)}`
    : `No ${state} tasks in ${JSON.stringify(queue)} queue`;
}
