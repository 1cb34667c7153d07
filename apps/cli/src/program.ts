import { readFileSync } from 'node:fs';
import { InvalidOptionsError } from '@nestjs-asynq/core';
import yargs from 'yargs';
import type { Cli, Run } from './commands/command.js';
import { cronCommands } from './commands/cron.js';
import { dashCommand } from './commands/dash.js';
import { dashboardCommand } from './commands/dashboard.js';
import { groupCommands } from './commands/group.js';
import { exporterEnvironment, metricsCommand } from './commands/metrics.js';
import { queueCommands } from './commands/queue.js';
import { serverCommands } from './commands/server.js';
import { statsCommand } from './commands/stats.js';
import { taskCommands } from './commands/task.js';
import { addressOf, connectionOf } from './connection/connection-of.js';
import { readConfigFile } from './connection/config-file.js';
import { readSettings, SETTINGS, type Settings } from './connection/settings.js';
import { Context, errorLine, type Io } from './context.js';
import { StoppedError } from './output/progress.js';
import { UsageError } from './usage.error.js';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const VERSION = `asynq version ${version}`;

/**
 * Runs one command line and returns the exit status: 0 done, 1 something failed, 2 the command line is invalid,
 * 130 stopped by Ctrl-C.
 * @param connect opens the broker of the settings; tests pass one of their own
 */
export async function runCli(args: readonly string[], io: Io, connect = connectionOf): Promise<number> {
  let hasFailed = false;
  const run: Run = (action) => async (flags) => {
    const given = flags as Readonly<Record<string, unknown>>;
    refuseRepeated(given);
    const settings = settingsOf(given, io);
    const connection = connect(settings);
    await using context = new Context(io, connection, settings.cluster === true, given['json'] === true);
    await context.reach(addressOf(settings));
    await action(context, flags);
    hasFailed = context.hasFailed;
  };
  try {
    await program(args.length === 0 ? ['--help'] : args, io, run).parseAsync();
  } catch (error) {
    io.stderr(`${errorLine(error)}\n`);
    return statusOf(error);
  }
  return hasFailed ? 1 : 0;
}

function statusOf(error: unknown): number {
  if (error instanceof StoppedError) return 130; // the shell's status after Ctrl-C
  return error instanceof UsageError || error instanceof InvalidOptionsError ? 2 : 1;
}

/** Takes several values. */
const VARIADIC = ['_', 'queues', 'ids', 'header'];

/** yargs would pass a list where one value is expected. */
function refuseRepeated(flags: Readonly<Record<string, unknown>>): void {
  const repeated = Object.keys(flags).find((name) => Array.isArray(flags[name]) && !VARIADIC.includes(name));
  if (repeated !== undefined) throw new UsageError(`--${repeated} is given more than once`);
}

function settingsOf(flags: Readonly<Record<string, unknown>>, io: Io): Settings {
  const isExporter = (flags['_'] as readonly unknown[] | undefined)?.[0] === 'metrics';
  const env = isExporter ? exporterEnvironment(io.env) : io.env;
  return readSettings(flags, env, readConfigFile(flags['config'] as string | undefined, io.home));
}

function program(args: readonly string[], io: Io, run: Run): Cli {
  const isHelpOnCommand = namesCommand(args) && args.some((arg) => arg === '--help' || arg === '-h');
  const cli: Cli = yargs([...args])
    .scriptName('asynq')
    .locale('en') // the rest of the output is, too
    .usage('$0 <command> <subcommand> [flags]')
    .exitProcess(false)
    .fail((message: string | null, error: Error | undefined) => {
      throw error ?? new UsageError(improveMessage(message ?? 'the command line is invalid'));
    })
    .parserConfiguration({ 'camel-case-expansion': false }) // names as asynq spells them
    .strict()
    .recommendCommands()
    .demandCommand(1, 'Which command? See: asynq --help')
    .options(connectionFlags(isHelpOnCommand))
    .option('config', {
      type: 'string',
      group: 'Redis:',
      describe: 'File with defaults for these flags',
      hidden: isHelpOnCommand,
      defaultDescription: '$HOME/.asynq.yaml',
    })
    .option('json', { type: 'boolean', default: false, describe: 'Print JSON' })
    .version(VERSION)
    .help('help', `Show help${isHelpOnCommand ? '; connection flags: asynq --help' : ''}`)
    .alias('help', 'h')
    .example(EXAMPLES)
    .epilogue(EXIT_STATUSES);
  return COMMANDS.reduce((filled, add) => add(filled, run), cli)
    .command('version', 'Print the version', {}, () => io.stdout(`${VERSION}\n`))
    .completion('completion', 'Print a completion script for bash or zsh');
}

const COMMANDS = [
  statsCommand,
  queueCommands,
  taskCommands,
  groupCommands,
  serverCommands,
  cronCommands,
  dashCommand,
  dashboardCommand,
  metricsCommand,
];

const EXAMPLES: readonly [command: string, does: string][] = [
  ['$0 --uri redis.example:6379 stats', 'Overview of everything'],
  ['$0 task ls -q mail -s retry', 'Tasks that failed and will be retried'],
  ['$0 task find -q mail -s archived --error_contains timeout --run', 'Run the tasks again that timed out'],
  ['$0 task enqueue -t email:welcome -l \'{"to":"ada"}\' -q mail', 'Enqueue a task'],
];

const EXIT_STATUSES = 'Exit status: 0 done, 1 something failed, 2 the command line is invalid, 130 stopped by Ctrl-C.';

/** Replaces the parser's message about non-option arguments. */
function improveMessage(message: string): string {
  return message.startsWith('Not enough non-option arguments') ? 'A name or id is missing; see --help' : message;
}

/** Whether there is a word that is neither a flag nor possibly its value. */
function namesCommand(args: readonly string[]): boolean {
  return args.some((arg, at) => !arg.startsWith('-') && !args[at - 1]?.startsWith('-'));
}

/** @param hidden omitted from the help, in favor of the command's own flags */
function connectionFlags(hidden: boolean) {
  const flags = Object.entries(SETTINGS).map(([name, setting]) => {
    const type = ({ text: 'string', number: 'number', switch: 'boolean' } as const)[setting.kind];
    const alias = 'alias' in setting ? { alias: setting.alias } : {};
    const shown = 'defaultText' in setting ? { defaultDescription: setting.defaultText } : {};
    return [name, { type, describe: setting.describe, group: 'Redis:', hidden, ...alias, ...shown }] as const;
  });
  return Object.fromEntries(flags);
}
