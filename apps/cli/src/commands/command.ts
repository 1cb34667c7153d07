import type { Argv } from 'yargs';
import type { Context } from '../context.js';
import { oneLine } from '../output/cells.js';
import { UsageError } from '../usage.error.js';

/** Flags that every command knows. */
interface GlobalFlags {
  readonly json: boolean;
}

export type Cli = Argv<GlobalFlags>;

/** Makes the handler of a command from its action. */
export type Run = <Flags>(
  action: (context: Context, flags: Flags) => Promise<void>,
  /** Names of flags that may be given several times. */
  variadic?: readonly string[],
) => (flags: Flags) => Promise<void>;

/** Between the reports of a command on several items. */
export const SEPARATOR = `\n\n${'='.repeat(49)}\n\n`;

/** An option that takes a text. */
export const text = (describe: string) => ({ type: 'string', describe }) as const;

/** An option or argument that names a queue, which completion looks up. */
export const queueName = (describe: string) => ({ ...text(describe), namesQueue: true }) as const;

/** Flags that select the tasks of a queue in a state, and of a group if aggregating. */
export function stateFlags<State extends string>(command: Cli, states: readonly State[]) {
  return command
    .option('queue', { ...queueName('Queue of the tasks'), alias: 'q', demandOption: true })
    .option('state', { alias: 's', choices: states, demandOption: true, describe: 'State of the tasks' })
    .option('group', { ...text('Group of aggregating tasks'), alias: 'g' });
}

/** A command that only holds others, such as `queue`. */
export function commandGroup(cli: Cli, name: string, describe: string, fill: (cli: Cli) => Cli): Cli {
  const missing = `Which ${name} command? See: asynq ${name} --help`;
  return cli.command(name, describe, (group) => fill(group.demandCommand(1, missing).strict().recommendCommands()));
}

/** @throws {UsageError} aggregating tasks need a group, and none is named */
export function checkGroup(state: string, group: string | undefined): void {
  if (state === 'aggregating' && group === undefined) throw new UsageError('--group is required for aggregating tasks');
}

/** A flag that is on or off. */
export const toggle = (describe: string) => ({ type: 'boolean', default: false, describe }) as const;

/** Skips the question that a person would be asked. */
export const YES = { ...toggle('Do not ask'), alias: 'y' } as const;

/** The flags of `taskFlags` that may be given several times. */
export const SEVERAL = ['id', 'i'] as const;

/** Ids of one or several tasks. */
export function taskFlags(command: Cli) {
  return command.option('queue', { ...queueName('Queue of the tasks'), alias: 'q', demandOption: true }).option('id', {
    ...text('Id of a task; may be given several times'),
    alias: 'i',
    array: true,
    nargs: 1,
    demandOption: true,
  });
}

export interface TaskFlags {
  readonly queue: string;
  readonly id: readonly string[];
}

/**
 * Performs an action on each task, and reports: one task as asynq does, several by their ids.
 * @param done the name of the ids in JSON
 */
export async function eachTask(
  context: Context,
  ids: readonly string[],
  { done, text: told }: { readonly done: string; readonly text: string },
  action: (id: string) => Promise<unknown>,
): Promise<void> {
  const [first] = ids;
  if (ids.length === 1) {
    await action(first!);
    return context.show({ [done]: first }, told);
  }
  const changed = await context.each(ids, async (id) => {
    await action(id);
    return id;
  });
  if (changed.length > 0) {
    context.show({ [done]: changed }, () => changed.map((id) => `${oneLine(id)}: ${told}`).join('\n'));
  }
}

/** Not so are names that only another program can have written. */
export const isQueueName = (name: string): boolean => name !== '' && !/[{}]/.test(name);

/** `1 task`, `57,500 tasks`. */
export const countOf = (count: number, what = 'task'): string =>
  `${count.toLocaleString('en')} ${what}${count === 1 ? '' : 's'}`;

export const HEADER = {
  ...text('Headers of the task: name=value; may be given several times'),
  array: true,
} as const;

/** @throws {UsageError} one has no name */
export function readHeaders(given: readonly string[] | undefined): Record<string, string> | undefined {
  return given && Object.fromEntries(given.map(readHeader));
}

function readHeader(given: string): [name: string, value: string] {
  const equals = given.indexOf('=');
  if (equals < 1) throw new UsageError(`--header is "${given}": name=value expected`);
  return [given.slice(0, equals), given.slice(equals + 1)];
}
