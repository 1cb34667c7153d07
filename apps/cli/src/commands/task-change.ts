import { readFile } from 'node:fs/promises';
import type { Context } from '../context.js';
import { textOf } from '../output/cells.js';
import { parseGoDuration } from '../output/go-duration.js';
import { UsageError } from '../usage.error.js';
import { type Cli, eachTask, queueName, type Run, SEVERAL, type TaskFlags, taskFlags, text } from './command.js';
import { parseDate } from './enqueue.js';
import { checkPayload } from './payload.js';

interface RescheduleFlags extends TaskFlags {
  readonly process_in: string | undefined;
  readonly process_at: string | undefined;
}

interface MoveFlags extends TaskFlags {
  readonly to: string;
}

interface EditFlags extends TaskFlags {
  readonly payload: string | undefined;
}

/** Commands that asynq's own does not have: they change a waiting task. */
export function changeCommands(cli: Cli, run: Run): Cli {
  return cli
    .command(
      'reschedule',
      'Change when tasks run',
      (command) =>
        taskFlags(command)
          .option('process_in', text('Delay before the task may start, such as 30s'))
          .option('process_at', text('When to start, RFC 3339'))
          .conflicts('process_in', 'process_at'),
      run(reschedule, SEVERAL),
    )
    .command('promote', 'Run tasks next, before all pending ones', taskFlags, run(promote, SEVERAL))
    .command(
      'move',
      'Move waiting tasks to another queue',
      (command) => taskFlags(command).option('to', { ...queueName('Queue to move them to'), demandOption: true }),
      run(move, SEVERAL),
    )
    .command(
      'edit',
      'Replace the payload of scheduled tasks',
      (command) =>
        taskFlags(command).option('payload', {
          ...text('New payload; "-" reads it from the input, "@file" from a file; without it, $EDITOR opens'),
          alias: 'l',
        }),
      run(edit, SEVERAL),
    );
}

async function reschedule(context: Context, flags: RescheduleFlags): Promise<void> {
  const { queue, id: ids, process_in, process_at } = flags;
  if (process_in === undefined && process_at === undefined)
    throw new UsageError('--process_in or --process_at is required');
  const at =
    process_in === undefined
      ? parseDate('process_at', process_at)!
      : new Date(context.io.nowMs() + parseGoDuration('process_in', process_in));
  await eachTask(context, ids, { done: 'rescheduled', text: `task rescheduled to ${at.toISOString()}` }, (id) =>
    context.inspector.reschedule(queue, id, at),
  );
}

function promote(context: Context, { queue, id: ids }: TaskFlags): Promise<void> {
  return eachTask(context, ids, { done: 'promoted', text: 'task runs next' }, (id) =>
    context.inspector.runNext(queue, id),
  );
}

function move(context: Context, { queue, id: ids, to }: MoveFlags): Promise<void> {
  const told = { done: 'moved', text: `task moved to queue ${JSON.stringify(to)}` };
  return eachTask(context, ids, told, (id) => context.inspector.moveToQueue(queue, id, to));
}

async function edit(context: Context, { queue, id: ids, payload }: EditFlags): Promise<void> {
  const told = { done: 'edited', text: 'payload replaced' };
  if (payload === undefined) return eachTask(context, ids, told, (id) => editByHand(context, queue, id));
  const bytes = await payloadOf(context, payload);
  checkPayload(context, bytes);
  await eachTask(context, ids, told, (id) => context.inspector.updateTaskPayload(queue, id, bytes));
}

async function payloadOf({ io }: Context, given: string): Promise<Uint8Array> {
  if (given === '-') {
    if (!io.readInput) throw new UsageError('--payload is "-", but there is no input');
    return io.readInput();
  }
  if (!given.startsWith('@')) return Buffer.from(given);
  try {
    return await readFile(given.slice(1));
  } catch (error) {
    throw new UsageError(`--payload names the file ${given.slice(1)}: ${(error as Error).message}`);
  }
}

async function editByHand(context: Context, queue: string, id: string): Promise<void> {
  if (!context.io.edit) throw new UsageError('--payload is required where no editor can be opened');
  const task = await context.inspector.taskInfo(queue, id);
  const before = textOf(task.payload);
  if (before === undefined)
    throw new Error(`the payload of task ${id} is not text: give the new one with --payload @file`);
  const edited = await context.io.edit(before);
  // Editors end a file with a line break.
  const after = before.endsWith('\n') ? edited : edited.replace(/\n$/, '');
  if (after === before) throw new Error('the payload was not changed');
  const bytes = Buffer.from(after);
  checkPayload(context, bytes);
  await context.inspector.updateTaskPayload(queue, id, bytes);
}
