import type { TaskFilter, TaskInfo, TaskState } from '@nestjs-asynq/core';
import type { Context } from '../context.js';
import { parsePointInTime } from '../output/point-in-time.js';
import { UsageError } from '../usage.error.js';
import { type Cli, HEADER, queueName, readHeaders, type Run, text, toggle, YES } from './command.js';
import { type FoundInPlaces, type Place, type PlaceChoice, placesOf, searchPlaces } from './find-places.js';
import { actOnMatches, BULK_ACTIONS, type BulkAction, STATES_OF } from './task-bulk.js';
import { TASK_STATES, TaskRows } from './task-table.js';

/** Exit status of a search that did not see all tasks. */
const STOPPED_EARLY = 3;

interface FilterFlags {
  readonly queue: readonly string[] | undefined;
  readonly state: readonly TaskState[] | undefined;
  readonly group: string | undefined;
  readonly text: string | undefined;
  readonly type_name: string | undefined;
  readonly id_prefix: string | undefined;
  readonly payload_contains: string | undefined;
  readonly error_contains: string | undefined;
  readonly ignore_case: boolean;
  readonly header: readonly string[] | undefined;
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly by: 'state' | 'failure';
}

interface FindFlags extends FilterFlags {
  readonly limit: number;
  readonly scan_budget: number | undefined;
  readonly cursor: string | undefined;
  readonly partial: boolean;
  readonly wide: boolean;
  readonly run: boolean;
  readonly archive: boolean;
  readonly delete: boolean;
  readonly dry_run: boolean;
  readonly yes: boolean;
}

const action = (describe: string) => ({ ...toggle(describe), group: 'Actions:' }) as const;

export function findCommand(cli: Cli, run: Run): Cli {
  return cli.command(
    'find',
    'Find tasks that match all conditions, and run, archive or delete them',
    (command) =>
      command
        .option('queue', {
          ...queueName('Queue; may be given several times; default: all'),
          alias: 'q',
          array: true,
          nargs: 1,
        })
        .option('state', {
          alias: 's',
          choices: TASK_STATES,
          array: true,
          nargs: 1,
          describe: 'State; may be given several times; default: all',
        })
        .option('group', { ...text('Group of aggregating tasks; default: all'), alias: 'g' })
        .option('text', text('Text in the id, type, payload, last error or a header'))
        .option('type_name', { ...text('Type; "email:*" for all with this prefix'), alias: 't' })
        .option('id_prefix', text('Prefix of the id'))
        .option('payload_contains', text('Text in the payload'))
        .option('error_contains', text('Text in the last error'))
        .option('ignore_case', { ...toggle('Let upper and lower case be equal'), alias: 'ignore-case' })
        .option('header', HEADER)
        .option('from', {
          ...text('Not before this time: RFC 3339, a date, or 24h for that long ago, +1h for ahead'),
          alias: 'since',
        })
        .option('to', { ...text('Not after this time'), alias: 'until' })
        .option('by', {
          choices: ['state', 'failure'] as const,
          default: 'state' as const,
          describe: `Which time: of the last failure, or that of the state (${TIMES_TEXT})`,
        })
        .option('limit', { type: 'number', default: 100, describe: 'Maximum number of tasks to show' })
        .option('scan_budget', { type: 'number', describe: 'Maximum number of tasks to search; default: all' })
        .option('cursor', text('Continue where an earlier search stopped'))
        .option('partial', toggle('End with status 0 although not all tasks were searched'))
        .option('wide', { ...toggle('Print whole cells on a terminal'), alias: 'w' })
        .option('run', action('Run all that match'))
        .option('archive', action('Archive all that match'))
        .option('delete', action('Delete all that match'))
        .option('dry_run', { ...action('Only count the matching tasks'), alias: 'dry-run' })
        .option('yes', { ...YES, group: 'Actions:' }),
    run(find, ['queue', 'q', 'state', 's', 'header']),
  );
}

/** Which time of a task a search compares. */
const TIMES: Readonly<Partial<Record<TaskState, string>>> = {
  scheduled: 'due',
  retry: 'due',
  pending: 'enqueued',
  archived: 'archived',
  completed: 'completed',
  aggregating: 'added to its group',
};
const TIMES_TEXT = 'scheduled and retry: due, pending: enqueued, archived, completed: that, aggregating: added';

async function find(context: Context, flags: FindFlags): Promise<void> {
  const actions = BULK_ACTIONS.filter((name) => flags[name]);
  if (actions.length > 1) throw new UsageError('only one of --run, --archive and --delete');
  const [chosen] = actions;
  if (flags.dry_run && !chosen) throw new UsageError('--dry_run needs one of --run, --archive and --delete');
  refuseEmpty(flags);
  if (chosen && CONDITIONS.every((name) => flags[name] === undefined)) {
    throw new UsageError(`--${chosen} would act on all tasks of all queues: give --queue, --state or a condition`);
  }
  const filter = filterOf(context, flags);
  const choice = { queues: flags.queue, states: statesOf(flags, chosen), group: flags.group };
  const places = await placesOf(context, choice);
  if (!chosen) return list(context, flags, { filter, choice, places });
  await actOnMatches(context, chosen, { filter, places, isDryRun: flags.dry_run, isSure: flags.yes });
}

/** Without any of them every task matches. */
const CONDITIONS = [
  ...(['queue', 'state', 'group', 'text', 'type_name', 'id_prefix'] as const),
  ...(['payload_contains', 'error_contains', 'header', 'from', 'to'] as const),
];

/** An empty condition matches all tasks, and comes from a variable that was not set. */
function refuseEmpty(flags: FindFlags): void {
  for (const name of [
    'text',
    'type_name',
    'id_prefix',
    'payload_contains',
    'error_contains',
    'group',
    'cursor',
  ] as const) {
    if (flags[name] === '') throw new UsageError(`--${name} is empty: it would match every task`);
  }
}

/** All that the search or the action can do, unless they are named. */
function statesOf({ state, group, from, to, by }: FindFlags, chosen: BulkAction | undefined): readonly TaskState[] {
  if (state) return [...new Set(state)];
  if (group !== undefined) return ['aggregating'];
  const able = chosen ? STATES_OF[chosen] : TASK_STATES;
  const isTimed = by === 'state' && (from ?? to) !== undefined;
  return TASK_STATES.filter((one) => able.includes(one) && !(isTimed && TIMES[one] === undefined));
}

interface ListRequest {
  readonly filter: Omit<TaskFilter, 'queue' | 'state'>;
  readonly choice: PlaceChoice;
  readonly places: readonly Place[];
}

async function list(context: Context, flags: FindFlags, { filter, choice, places }: ListRequest): Promise<void> {
  const { limit, scan_budget: scanBudget, cursor } = flags;
  const found = await searchPlaces(context, filter, { places, choice }, { limit, scanBudget, cursor });
  const { tasks, scanned, stopped } = found;
  context.show({ tasks, cursor: found.cursor, scanned, stopped }, () => {
    const isOne = new Set(places.map(({ queue }) => queue)).size <= 1;
    const parts = [tasks.length === 0 ? 'No tasks found' : rowsOf(context, tasks, choice.states, !isOne, flags.wide)];
    if (stopped) parts.push('', storyOf(found));
    return parts.join('\n');
  });
  if (stopped === 'interrupt') context.stop();
  else if (stopped && !context.io.isTty && !flags.partial) context.endWith(STOPPED_EARLY);
}

function rowsOf(
  context: Context,
  tasks: readonly TaskInfo[],
  states: readonly TaskState[],
  hasQueues: boolean,
  isWide: boolean,
): string {
  const width = isWide ? undefined : context.columns;
  return new TaskRows(tasks, { states, nowMs: context.io.nowMs(), width, hasQueues }).add(tasks);
}

/** Why the search did not see all tasks, and how to go on. */
function storyOf({ scanned, stopped, cursor }: FoundInPlaces): string {
  const why = { limit: 'at --limit', scan_budget: 'at --scan_budget', interrupt: 'by Ctrl-C' }[stopped!];
  const more = stopped === 'limit' ? 'there are more' : 'there may be more';
  return `Stopped ${why}: searched ${scanned} tasks, ${more}; continue with --cursor ${cursor}`;
}

function filterOf(context: Context, flags: FindFlags): Omit<TaskFilter, 'queue' | 'state'> {
  const nowMs = context.io.nowMs();
  const from = flags.from === undefined ? undefined : parsePointInTime('from', flags.from, { nowMs });
  const to = flags.to === undefined ? undefined : parsePointInTime('to', flags.to, { nowMs, isEnd: true });
  return {
    type: flags.type_name,
    idPrefix: flags.id_prefix,
    payloadContains: flags.payload_contains,
    errorContains: flags.error_contains,
    ignoreCase: flags.ignore_case,
    header: readHeaders(flags.header),
    ...(flags.by === 'failure' ? {} : { from, to }),
    matches: allOf([
      ...(flags.by === 'failure' ? [failedBetween(from, to)] : []),
      ...(flags.text === undefined ? [] : [hasText(flags.text, flags.ignore_case)]),
    ]),
  };
}

type Condition = (task: TaskInfo) => boolean;

const allOf = (conditions: readonly Condition[]): Condition | undefined =>
  conditions.length === 0 ? undefined : (task) => conditions.every((condition) => condition(task));

function hasText(text: string, ignoresCase: boolean): Condition {
  const fold = (one: string): string => (ignoresCase ? one.toLowerCase() : one);
  const wanted = fold(text);
  return ({ id, type, payload, lastError, headers }) =>
    [id, type, lastError, ...Object.values(headers)].some((one) => fold(one).includes(wanted)) ||
    fold(Buffer.from(payload).toString()).includes(wanted);
}

function failedBetween(from: Date | undefined, to: Date | undefined): Condition {
  return ({ lastFailedAt }) =>
    lastFailedAt !== undefined && !(from && lastFailedAt < from) && !(to && lastFailedAt > to);
}
