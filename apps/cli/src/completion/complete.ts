import { describeCommandLine } from '../command-line.js';
import { SETTINGS, readSettings } from '../connection/settings.js';
import type { Io } from '../io.js';
import type { Connect } from '../run-command.js';
import { CommandNode, type Flag, type Parameter } from './command-node.js';
import { type Cursor, findCursor } from './cursor.js';
import { readShellLine } from './shell-line.js';
import { isShellName, type Offer, SHELLS } from './shells.js';

/**
 * Prints what may stand at the cursor of a shell's command line, by lines. No queues are printed when Redis is not there.
 * @param args the shell's name, the line before and behind the cursor, and in bash the part of the word that it replaces
 * @returns the exit status
 */
export async function complete(args: readonly string[], io: Io, connect?: Connect): Promise<number> {
  const [shell, before = '', behind = '', replaced = ''] = args;
  if (!isShellName(shell)) return 2;
  const root = new CommandNode((command) => describeCommandLine(command, () => async () => {}, io));
  const { words, current } = readShellLine(before, io);
  const after = readShellLine(`x${behind}`, io); // begins with the rest of the word at the cursor
  const cursor = findCursor(root, words.slice(1), current.text, [...after.words, after.current.text].slice(1));
  try {
    const offers = (await offersAt(cursor, io, connect))
      .map((offer) => ({ ...offer, value: cursor.kept + offer.value }))
      .filter(({ value }) => value.startsWith(current.text) && !/\p{Cc}/u.test(value));
    io.stdout(offers.map((offer) => `${SHELLS[shell].show(offer, current, replaced)}\n`).join(''));
    return 0;
  } catch {
    return 1;
  }
}

async function offersAt(cursor: Cursor, io: Io, connect: Connect | undefined): Promise<Offer[]> {
  const { command, args, valueOf, isFlag, typed } = cursor;
  if (valueOf) return valuesOf(valueOf, cursor, io, connect);
  if (isFlag) return flagsOf(cursor);
  if (command.subcommands.length > 0) {
    if (args.length > 0) return [];
    return command.subcommands.map(({ names, describe }) => ({ value: names[0]!, describe }));
  }
  const last = command.arguments.at(-1);
  const argument = command.arguments[args.length] ?? (last?.array ? last : undefined);
  const values = argument ? await valuesOf(argument, cursor, io, connect) : [];
  if (values.length > 0 || argument?.namesQueue) return values.filter(({ value }) => !args.includes(value));
  return typed === '' ? flagsOf(cursor) : [];
}

async function valuesOf(
  { choices, type, namesQueue }: Parameter,
  { given }: Cursor,
  io: Io,
  connect: Connect | undefined,
): Promise<Offer[]> {
  const values = namesQueue
    ? await queueNames(given, io, connect)
    : (choices ?? (type === 'boolean' ? ['true', 'false'] : []));
  return values.map((value) => ({ value }));
}

/** Those that may still be given. */
function flagsOf({ command, given, typed }: Cursor): Offer[] {
  const open = [...command.flags].filter(({ name, array }) => array === true || given[name] === undefined);
  const spell = ({ name, alias, describe }: Flag): Offer[] => [
    { value: `--${name}`, describe },
    ...(alias?.length === 1 && typed === '-' ? [{ value: `-${alias}`, describe }] : []),
  ];
  return open.flatMap(spell);
}

/** Of the Redis that the flags, the environment and the config file name. */
async function queueNames(flags: Cursor['given'], io: Io, connect: Connect | undefined): Promise<readonly string[]> {
  const ofConnection = Object.fromEntries(
    Object.entries(flags).filter(([name]) => name in SETTINGS || name === 'config'),
  );
  return (connect ? undefined : await readQuickly(ofConnection, io)) ?? readByInspector(ofConnection, io, connect);
}

async function readQuickly(flags: Cursor['given'], io: Io): Promise<readonly string[] | undefined> {
  const [{ readConfigFile }, { readQueueNames }] = await Promise.all([
    import('../connection/config-file.js'),
    import('../connection/queue-names.js'),
  ]);
  const file = await readConfigFile(flags['config'], io.home);
  return readQueueNames(readSettings(flags, io.env, file));
}

async function readByInspector(
  flags: Cursor['given'],
  io: Io,
  connect: Connect | undefined,
): Promise<readonly string[]> {
  const { runCommand } = await import('../run-command.js');
  let names: readonly string[] = [];
  await runCommand({ args: [], flags, io, connect }, async ({ inspector }) => void (names = await inspector.queues()));
  return names;
}
