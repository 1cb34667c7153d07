import type { TaskFilter, TaskState } from '@nestjs-asynq/core';
import type { Context } from '../context.js';
import { watched } from '../output/progress.js';
import { UsageError } from '../usage.error.js';
import { type Cli, type Run, stateFlags, text } from './command.js';
import { parseDate } from './enqueue.js';
import { BULK_WORDS, type BulkAction } from './task-bulk.js';
import { TASK_STATES, taskTable } from './task-table.js';

interface FilterFlags {
  readonly queue: string;
  readonly state: TaskState;
  readonly group: string | undefined;
  readonly type_name: string | undefined;
  readonly id_prefix: string | undefined;
  readonly payload_contains: string | undefined;
  readonly error_contains: string | undefined;
  readonly header: string[] | undefined;
  readonly from: string | undefined;
  readonly to: string | undefined;
}

interface FindFlags extends FilterFlags {
  readonly limit: number;
  readonly scan_budget: number;
  readonly cursor: string | undefined;
  readonly run: boolean;
  readonly archive: boolean;
  readonly delete: boolean;
  readonly dry_run: boolean;
}

const ACTIONS = Object.keys(BULK_WORDS) as BulkAction[];

const action = (describe: string) => ({ type: 'boolean', default: false, describe, group: 'Actions:' }) as const;

export function findCommand(cli: Cli, run: Run): Cli {
  return cli.command(
    'find',
    'Find tasks that match all conditions, and run, archive or delete them',
    (command) =>
      stateFlags(command, TASK_STATES)
        .option('type_name', { ...text('Type; "email:*" for all with this prefix'), alias: 't' })
        .option('id_prefix', text('Prefix of the id'))
        .option('payload_contains', text('Text in the payload'))
        .option('error_contains', text('Text in the last error'))
        .option('header', { type: 'string', array: true, describe: 'Headers of the task: name=value name=value' })
        .option('from', text('Not before this time of its state (due, archived, …), RFC 3339'))
        .option('to', text('Not after this time'))
        .option('limit', { type: 'number', default: 100, describe: 'Maximum number of tasks to show' })
        .option('scan_budget', { type: 'number', default: 10_000, describe: 'Maximum number of tasks to search' })
        .option('cursor', text('Continue where an earlier search stopped'))
        .option('run', action('Run all that match'))
        .option('archive', action('Archive all that match'))
        .option('delete', action('Delete all that match'))
        .option('dry_run', { ...action('Only count the matching tasks'), alias: 'dry-run' }),
    run(find),
  );
}

async function find(context: Context, flags: FindFlags): Promise<void> {
  const actions = ACTIONS.filter((name) => flags[name]);
  if (actions.length > 1) throw new UsageError('only one of --run, --archive and --delete');
  const [chosen] = actions;
  if (chosen) return act(context, chosen, filterOf(flags), flags.dry_run);
  if (flags.dry_run) throw new UsageError('--dry_run needs one of --run, --archive and --delete');
  await list(context, flags);
}

async function list(context: Context, flags: FindFlags): Promise<void> {
  const { limit, scan_budget: scanBudget, cursor } = flags;
  const found = await context.inspector.findTasks({ ...filterOf(flags), limit, scanBudget, cursor });
  const shown = found.tasks.length === 0 ? 'No tasks found' : taskTable(found.tasks, flags.state, context.io.nowMs());
  const more =
    found.cursor === undefined ? '' : `\n\nSearched ${found.scanned} tasks; continue with --cursor ${found.cursor}`;
  context.show(found, shown + more);
}

async function act(context: Context, chosen: BulkAction, filter: TaskFilter, dryRun: boolean): Promise<void> {
  const { inspector } = context;
  const count = await watched(context, (watch) => {
    const options = { dryRun, ...watch };
    switch (chosen) {
      case 'run':
        return inspector.runMatching(filter, options);
      case 'archive':
        return inspector.archiveMatching(filter, options);
      case 'delete':
        return inspector.deleteMatching(filter, options);
    }
  });
  context.show({ count, dryRun }, dryRun ? `${count} tasks match` : `${count} ${BULK_WORDS[chosen]}`);
}

function filterOf(flags: FilterFlags): TaskFilter {
  return {
    queue: flags.queue,
    state: flags.state,
    group: flags.group,
    type: flags.type_name,
    idPrefix: flags.id_prefix,
    payloadContains: flags.payload_contains,
    errorContains: flags.error_contains,
    header: flags.header && Object.fromEntries(flags.header.map(headerOf)),
    from: parseDate('from', flags.from),
    to: parseDate('to', flags.to),
  };
}

function headerOf(given: string): [name: string, value: string] {
  const equals = given.indexOf('=');
  if (equals < 1) throw new UsageError(`--header is "${given}": name=value expected`);
  return [given.slice(0, equals), given.slice(equals + 1)];
}
