import yargs from 'yargs';
import { describeCommandLine } from './command-line.js';
import type { Cli, Run } from './commands/command.js';
import { explainUnknown } from './given-flags.js';
import type { Io } from './io.js';
import { errorLine } from './output/error-line.js';
import { STOPPED, StoppedError } from './output/interrupt.js';
import type { Connect } from './run-command.js';
import { markPlainWords, splitShortFlags, unmarked, unmarkPlainWords } from './short-flags.js';
import { isAboutUsage, UsageError } from './usage.error.js';

/**
 * Runs one command line and returns the exit status: 0 done, 1 something failed, 2 the command line is invalid, 3 a search
 * stopped early, 4 the doctor found something that cannot wait, 130 stopped by Ctrl-C.
 * @param connect opens the broker of the settings; tests pass one of their own
 */
export async function runCli(words: readonly string[], io: Io, connect?: Connect): Promise<number> {
  const args = splitShortFlags(words);
  let status = 0;
  const run: Run = (action, variadic) => async (parsed) => {
    const flags = unmarkPlainWords(parsed);
    // Loaded here, so that help and an invalid command line do not wait for it.
    const { runCommand } = await import('./run-command.js');
    status = await runCommand({ args, flags, variadic, io, connect }, (context) => action(context, flags));
  };
  try {
    await program(args.length === 0 ? ['--help'] : args, io, run).parseAsync();
  } catch (error) {
    io.stderr(`${errorLine(error)}\n`);
    return statusOf(error);
  }
  return status;
}

function statusOf(error: unknown): number {
  if (error instanceof StoppedError) return STOPPED;
  return isAboutUsage(error) ? 2 : 1;
}

function program(args: readonly string[], io: Io, run: Run): Cli {
  const isHelpOnCommand = namesCommand(args) && args.some((arg) => arg === '--help' || arg === '-h');
  const cli = yargs(markPlainWords(args))
    .scriptName('asynq')
    .locale('en') // the rest of the output is, too
    .usage('$0 <command> <subcommand> [flags]')
    .exitProcess(false)
    .fail((message: string | null, error: Error | undefined) => {
      const told = improveMessage(unmarked(message ?? 'the command line is invalid'));
      throw error ?? new UsageError(explainUnknown(args, told));
    })
    .parserConfiguration({
      'camel-case-expansion': false, // names as asynq spells them
      'short-option-groups': false, // `-24h` holds no `-h`
      'boolean-negation': false,
      'dot-notation': false,
    })
    .strict()
    .recommendCommands()
    .demandCommand(1, 'Which command? See: asynq --help')
    .example(EXAMPLES)
    .epilogue(EXIT_STATUSES);
  return describeCommandLine(cli, run, io, isHelpOnCommand);
}

const EXAMPLES: readonly [command: string, does: string][] = [
  ['$0 --uri redis.example:6379 stats', 'Overview of everything'],
  ['$0 task ls -q mail -s retry', 'Tasks that failed and will be retried'],
  ['$0 task find -q mail -s archived --error_contains timeout --run', 'Run the tasks again that timed out'],
  ['$0 task enqueue -t email:welcome -l \'{"to":"ada"}\' -q mail', 'Enqueue a task'],
];

const EXIT_STATUSES =
  'Exit status: 0 done, 1 something failed, 2 the command line is invalid, 3 a search stopped early, ' +
  '4 doctor found something for now, 130 stopped by Ctrl-C.';

/** Replaces the parser's message about non-option arguments. */
function improveMessage(message: string): string {
  return message.startsWith('Not enough non-option arguments') ? 'A name or id is missing; see --help' : message;
}

/** Whether there is a word that is neither a flag nor possibly its value. */
function namesCommand(args: readonly string[]): boolean {
  return args.some((arg, at) => !arg.startsWith('-') && !args[at - 1]?.startsWith('-'));
}
