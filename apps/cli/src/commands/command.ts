import type { Argv } from 'yargs';
import type { Context } from '../context.js';
import { UsageError } from '../usage.error.js';

/** Flags that every command knows. */
export interface GlobalFlags {
  readonly json: boolean;
}

export type Cli = Argv<GlobalFlags>;

/** Makes the handler of a command from its action. */
export type Run = <Flags>(action: (context: Context, flags: Flags) => Promise<void>) => (flags: Flags) => Promise<void>;

/** Between the reports of a command on several items. */
export const SEPARATOR = `\n\n${'='.repeat(49)}\n\n`;

/** An option that takes a text. */
export const text = (describe: string) => ({ type: 'string', describe }) as const;

/** Flags that select the tasks of a queue in a state, and of a group if aggregating. */
export function stateFlags<State extends string>(command: Cli, states: readonly State[]) {
  return command
    .option('queue', { ...text('Queue of the tasks'), alias: 'q', demandOption: true })
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
