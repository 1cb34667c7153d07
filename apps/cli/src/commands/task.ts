import type { TaskInfo } from '@nestjs-asynq/core';
import type { Context } from '../context.js';
import { bytesCell, dateCell, oneLine } from '../output/cells.js';
import { goDuration } from '../output/go-duration.js';
import {
  type Cli,
  commandGroup,
  eachTask,
  type Run,
  SEPARATOR,
  SEVERAL,
  type TaskFlags,
  taskFlags,
} from './command.js';
import { enqueueCommand } from './enqueue.js';
import { bulkCommands } from './task-bulk.js';
import { cancelCommand } from './task-cancel.js';
import { changeCommands } from './task-change.js';
import { findCommand } from './task-find.js';
import { listCommand } from './task-list.js';

export function taskCommands(cli: Cli, run: Run): Cli {
  return commandGroup(cli, 'task', 'Manage tasks', (group) => {
    const one = listCommand(group, run).command(
      'inspect',
      'Display detailed information on tasks',
      taskFlags,
      run(inspect, SEVERAL),
    );
    const ended = cancelCommand(one, run)
      .command('archive', 'Archive tasks', taskFlags, run(archive, SEVERAL))
      .command(['delete', 'remove', 'rm'], 'Delete tasks', taskFlags, run(remove, SEVERAL))
      .command('run', 'Run tasks', taskFlags, run(runTask, SEVERAL));
    return findCommand(bulkCommands(enqueueCommand(changeCommands(ended, run), run), run), run);
  });
}

async function inspect(context: Context, { queue, id: ids }: TaskFlags): Promise<void> {
  if (ids.length === 1) {
    const task = await context.inspector.taskInfo(queue, ids[0]!);
    return context.show(task, () => taskReport(context, task));
  }
  const tasks = await context.readEach(ids, (id) => context.inspector.taskInfo(queue, id));
  if (tasks.length > 0) context.show(tasks, () => tasks.map((task) => taskReport(context, task)).join(SEPARATOR));
}

function taskReport(context: Context, task: TaskInfo): string {
  const headers = Object.entries(task.headers).map(([name, value]) => oneLine(`Header:  ${name}: ${value}`));
  return [
    context.title('Task Info'),
    `Queue:   ${task.queue}`,
    ...(task.partition === undefined ? [] : [`Partition: ${oneLine(task.partition)}`]),
    `ID:      ${oneLine(task.id)}`,
    `Type:    ${oneLine(task.type)}`,
    `State:   ${task.isOrphaned ? `${task.state} (its lease has ended; a worker was lost)` : task.state}`,
    `Retried: ${task.retried}/${task.maxRetry}`,
    ...(task.crashes === 0 ? [] : [`Crashes: ${task.crashes}`]),
    ...(task.group === undefined ? [] : [`Group:   ${oneLine(task.group)}`]),
    ...headers,
    `Payload: ${bytesCell(task.payload)}`,
    ...(task.result === undefined ? [] : [`Result:  ${bytesCell(task.result)}`]),
    '',
    `Next process time: ${nextProcessTime(task, context.io.nowMs())}`,
    ...(task.lastError === '' ? [] : ['', context.title('Last Failure'), ...lastFailure(task)]),
  ].join('\n');
}

/** A stack has lines. */
function lastFailure(task: TaskInfo): string[] {
  const [first, ...others] = task.lastError.trimEnd().split(/\r?\n/).map(oneLine);
  return [`Failed at:     ${dateCell(task.lastFailedAt)}`, `Error message: ${first}`, ...others];
}

function nextProcessTime({ nextProcessAt }: TaskInfo, nowMs: number): string {
  if (!nextProcessAt) return 'n/a';
  if (nextProcessAt.getTime() <= nowMs) return 'now';
  return `${dateCell(nextProcessAt)} (in ${goDuration(nextProcessAt.getTime() - nowMs)})`;
}

function archive(context: Context, { queue, id: ids }: TaskFlags): Promise<void> {
  return eachTask(context, ids, { done: 'archived', text: 'task archived' }, (id) =>
    context.inspector.archiveTask(queue, id),
  );
}

function remove(context: Context, { queue, id: ids }: TaskFlags): Promise<void> {
  return eachTask(context, ids, { done: 'deleted', text: 'task deleted' }, (id) =>
    context.inspector.deleteTask(queue, id),
  );
}

function runTask(context: Context, { queue, id: ids }: TaskFlags): Promise<void> {
  return eachTask(context, ids, { done: 'pending', text: 'task is now pending' }, (id) =>
    context.inspector.runTask(queue, id),
  );
}
