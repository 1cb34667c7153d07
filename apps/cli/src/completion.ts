import { SETTINGS, readSettings } from './connection/settings.js';
import type { Io } from './io.js';
import type { Connect } from './run-command.js';
import { splitShortFlags } from './short-flags.js';

/** How the completion script, which the parser prints, calls the command: the words of the line follow. */
const ASKED = '--get-yargs-completions';
/** Commands whose arguments are names of queues. */
const OF_QUEUES = ['inspect', 'history', 'pause', 'resume', 'unpause', 'remove', 'rm', 'delete'];

/** Whether the name of a queue is to be completed; the parser completes all else. */
export function completesQueue(args: readonly string[]): boolean {
  if (args[0] !== ASKED) return false;
  const [, , command, subcommand] = args;
  const [before, current = ''] = args.slice(-2);
  if (args.length > 3 && (before === '-q' || before === '--queue' || before === '--to')) return true;
  if (current.startsWith('-')) return false;
  if (command === 'doctor') return args.length > 3;
  return command === 'queue' && args.length > 4 && OF_QUEUES.includes(subcommand!);
}

/** Prints the queues that begin with the word. Nothing is printed when Redis is not there. */
export async function completeQueue(words: readonly string[], io: Io, connect?: Connect): Promise<number> {
  const args = splitShortFlags(words);
  const current = args.at(-1)!;
  const isZsh = io.env['SHELL']?.includes('zsh') === true;
  const print = (names: readonly string[]): void => {
    const fitting = names.filter((name) => name.startsWith(current));
    // In zsh a colon begins the description.
    for (const name of fitting) io.stdout(`${isZsh ? name.replaceAll(':', String.raw`\:`) : name}\n`);
  };
  try {
    const flags = connectionFlags(args);
    const names = connect ? undefined : await readQuickly(flags, io);
    if (names) print(names);
    else await readByInspector(flags, io, connect, print);
    return 0;
  } catch {
    return 1;
  }
}

type Flags = Readonly<Record<string, unknown>>;

async function readQuickly(flags: Flags, io: Io): Promise<readonly string[] | undefined> {
  const [{ readConfigFile }, { readQueueNames }] = await Promise.all([
    import('./connection/config-file.js'),
    import('./connection/queue-names.js'),
  ]);
  const file = await readConfigFile(flags['config'] as string | undefined, io.home);
  return readQueueNames(readSettings(flags, io.env, file));
}

async function readByInspector(
  flags: Flags,
  io: Io,
  connect: Connect | undefined,
  print: (names: readonly string[]) => void,
): Promise<void> {
  const { runCommand } = await import('./run-command.js');
  await runCommand({ args: [], flags, io, connect }, async ({ inspector }) => print(await inspector.queues()));
}

/** The flags of the line that say where Redis is. */
function connectionFlags(args: readonly string[]): Record<string, unknown> {
  const flags: Record<string, unknown> = {};
  for (const [at, arg] of args.entries()) {
    const [, name, , text] = /^--?([A-Za-z_]+)(=(.*))?$/s.exec(arg) ?? [];
    const found = Object.entries(SETTINGS).find(
      ([long, setting]) => name === long || ('alias' in setting && name === setting.alias),
    );
    if (found) flags[found[0]] = text ?? (found[1].kind === 'switch' ? 'true' : args[at + 1]);
    else if (name === 'config') flags['config'] = text ?? args[at + 1];
  }
  return flags;
}
