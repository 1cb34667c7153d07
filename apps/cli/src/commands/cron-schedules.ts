import type { ScheduleInfo } from '@nestjs-asynq/core';
import type { Context } from '../context.js';
import { agoCell, oneLine } from '../output/cells.js';
import { goDuration } from '../output/go-duration.js';
import { table } from '../output/table.js';
import { type Cli, queueName, type Run } from './command.js';

interface ScheduleFlags {
  readonly queue: string;
  readonly name: string;
}

/** Commands for the schedules that our schedulers store in Redis; asynq has none. */
export function scheduleCommands(group: Cli, run: Run): Cli {
  const one = (command: Cli) =>
    command
      .positional('queue', { ...queueName('Name of its queue'), demandOption: true })
      .positional('name', { type: 'string', demandOption: true, describe: 'Name of the schedule' });
  return group
    .command(
      ['schedules', 'stored'],
      'List stored schedules, including those that no process has registered',
      (command) => command.option('queue', { ...queueName('Only those of one queue'), alias: 'q' }),
      run(list),
    )
    .command('pause <queue> <name>', 'Pause a stored schedule in every process', one, run(pause))
    .command(['resume <queue> <name>', 'unpause <queue> <name>'], 'Resume a stored schedule', one, run(resume))
    .command('run <queue> <name>', 'Enqueue the task of a stored schedule now', one, run(runNow))
    .command(
      ['remove <queue> <name>', 'rm <queue> <name>', 'delete <queue> <name>'],
      'Remove a stored schedule; it is created again if a process still has it registered',
      one,
      run(remove),
    );
}

async function list(context: Context, { queue }: { readonly queue: string | undefined }): Promise<void> {
  const schedules = await context.inspector.schedules(queue, context.partly);
  const nowMs = context.io.nowMs();
  if (schedules.length === 0 && context.hasFailed) return;
  const rowOf = (schedule: ScheduleInfo): string[] => [
    schedule.queue,
    schedule.name,
    schedule.spec,
    schedule.type,
    stateOf(schedule),
    nextCell(schedule, nowMs),
    schedule.lastFiredAt ? agoCell(schedule.lastFiredAt, nowMs) : 'N/A',
  ];
  const titles = ['Queue', 'Name', 'Spec', 'Type', 'State', 'Next', 'Last'];
  context.show(schedules, () => (schedules.length === 0 ? 'No stored schedules' : table(titles, schedules.map(rowOf))));
}

/** `idle`: no running scheduler has it. */
function stateOf({ isPaused, entryIds }: ScheduleInfo): 'paused' | 'live' | 'idle' {
  if (isPaused) return 'paused';
  return entryIds.length > 0 ? 'live' : 'idle';
}

function nextCell(schedule: ScheduleInfo, nowMs: number): string {
  const { nextAt } = schedule;
  if (!nextAt || stateOf(schedule) !== 'live') return 'N/A';
  return `In ${goDuration(Math.max(0, nextAt.getTime() - nowMs))}`;
}

async function pause(context: Context, { queue, name }: ScheduleFlags): Promise<void> {
  const isChanged = await context.inspector.pauseSchedule(queue, name);
  if (!isChanged) throw new Error(`${titleOf(queue, name)} is already paused`);
  report(context, 'paused', queue, name);
}

async function resume(context: Context, { queue, name }: ScheduleFlags): Promise<void> {
  const isChanged = await context.inspector.resumeSchedule(queue, name);
  if (!isChanged) throw new Error(`${titleOf(queue, name)} is not paused`);
  report(context, 'resumed', queue, name);
}

async function remove(context: Context, { queue, name }: ScheduleFlags): Promise<void> {
  await context.inspector.removeSchedule(queue, name);
  report(context, 'removed', queue, name);
}

async function runNow(context: Context, { queue, name }: ScheduleFlags): Promise<void> {
  const task = await context.inspector.runSchedule(queue, name);
  context.show(task, `Enqueued task ${oneLine(task.id)} to queue ${oneLine(task.queue)}`);
}

function report(context: Context, done: string, queue: string, name: string): void {
  context.show({ [done]: { queue, name } }, `Successfully ${done} ${titleOf(queue, name)}`);
}

const titleOf = (queue: string, name: string): string =>
  `schedule ${JSON.stringify(name)} of queue ${JSON.stringify(queue)}`;
