import type { TaskInfo, TaskState } from '@nestjs-asynq/core';
import type { Context } from '../context.js';
import { bytesCell, dateCell, oneLine } from '../output/cells.js';
import { goDuration } from '../output/go-duration.js';
import { checkGroup, type Cli, commandGroup, type Run, stateFlags } from './command.js';
import { enqueueCommand } from './enqueue.js';
import { bulkCommands } from './task-bulk.js';
import { findCommand } from './task-find.js';
import { TASK_STATES, taskTable } from './task-table.js';

interface ListFlags {
  readonly queue: string;
  readonly state: TaskState;
  readonly group: string | undefined;
  readonly page: number;
  readonly size: number;
}

interface TaskFlags {
  readonly queue: string;
  readonly id: string;
}

export function taskCommands(cli: Cli, run: Run): Cli {
  return commandGroup(cli, 'task', 'Manage tasks', (group) => {
    const listed = group
      .command(
        ['list', 'ls'],
        'List tasks in a state',
        (command) =>
          stateFlags(command, TASK_STATES)
            .option('page', { type: 'number', default: 1, describe: 'Number of the page' })
            .option('size', { type: 'number', default: 30, describe: 'Tasks on a page' }),
        run(list),
      )
      .command('inspect', 'Display detailed information on a task', oneTask, run(inspect))
      .command(
        'cancel <ids..>',
        'Cancel active tasks',
        (command) =>
          command.positional('ids', { type: 'string', array: true, demandOption: true, describe: 'Ids of tasks' }),
        run(cancel),
      )
      .command('archive', 'Archive a task', oneTask, run(archive))
      .command(['delete', 'remove', 'rm'], 'Delete a task', oneTask, run(remove))
      .command('run', 'Run a task', oneTask, run(runTask));
    return findCommand(bulkCommands(enqueueCommand(listed, run), run), run);
  });
}

function oneTask(command: Cli) {
  return command
    .option('queue', { alias: 'q', type: 'string', demandOption: true, describe: 'Queue of the task' })
    .option('id', { alias: 'i', type: 'string', demandOption: true, describe: 'Id of the task' });
}

async function list(context: Context, { queue, state, group, page, size }: ListFlags): Promise<void> {
  checkGroup(state, group);
  const tasks = await context.inspector.listTasks(queue, state, { group, page, size });
  context.show(tasks, tasks.length === 0 ? nothing(queue, state, group) : taskTable(tasks, state, context.io.nowMs()));
}

function nothing(queue: string, state: TaskState, group: string | undefined): string {
  return state === 'aggregating'
    ? `No aggregating tasks in group ${JSON.stringify(group)}`
    : `No ${state} tasks in ${JSON.stringify(queue)} queue`;
}

async function inspect(context: Context, { queue, id }: TaskFlags): Promise<void> {
  const task = await context.inspector.taskInfo(queue, id);
  context.show(task, taskReport(context, task));
}

function taskReport(context: Context, task: TaskInfo): string {
  const headers = Object.entries(task.headers).map(([name, value]) => oneLine(`Header:  ${name}: ${value}`));
  return [
    context.title('Task Info'),
    `Queue:   ${task.queue}`,
    ...(task.partition === undefined ? [] : [`Partition: ${oneLine(task.partition)}`]),
    `ID:      ${oneLine(task.id)}`,
    `Type:    ${oneLine(task.type)}`,
    `State:   ${task.state}`,
    `Retried: ${task.retried}/${task.maxRetry}`,
    ...(task.group === undefined ? [] : [`Group:   ${oneLine(task.group)}`]),
    ...headers,
    `Payload: ${bytesCell(task.payload)}`,
    ...(task.result === undefined ? [] : [`Result:  ${bytesCell(task.result)}`]),
    '',
    `Next process time: ${nextProcessTime(task, context.io.nowMs())}`,
    ...(task.lastError === '' ? [] : ['', context.title('Last Failure'), ...lastFailure(task)]),
  ].join('\n');
}

function lastFailure(task: TaskInfo): string[] {
  return [`Failed at:     ${dateCell(task.lastFailedAt)}`, `Error message: ${oneLine(task.lastError)}`];
}

function nextProcessTime({ nextProcessAt }: TaskInfo, nowMs: number): string {
  if (!nextProcessAt) return 'n/a';
  if (nextProcessAt.getTime() <= nowMs) return 'now';
  return `${dateCell(nextProcessAt)} (in ${goDuration(nextProcessAt.getTime() - nowMs)})`;
}

async function cancel(context: Context, { ids }: { readonly ids: string[] }): Promise<void> {
  const canceled = await context.each(ids, async (id) => {
    await context.inspector.cancelTask(id);
    return id;
  });
  const lines = canceled.map((id) => `Sent cancelation signal for task ${oneLine(id)}`);
  if (canceled.length > 0) context.show({ signaled: canceled }, lines.join('\n'));
}

async function archive(context: Context, { queue, id }: TaskFlags): Promise<void> {
  await context.inspector.archiveTask(queue, id);
  context.show({ archived: id }, 'task archived');
}

async function remove(context: Context, { queue, id }: TaskFlags): Promise<void> {
  await context.inspector.deleteTask(queue, id);
  context.show({ deleted: id }, 'task deleted');
}

async function runTask(context: Context, { queue, id }: TaskFlags): Promise<void> {
  await context.inspector.runTask(queue, id);
  context.show({ pending: id }, 'task is now pending');
}
