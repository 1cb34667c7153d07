import { splitShortFlags } from '../short-flags.js';
import type { CommandNode, Parameter } from './command-node.js';

/** What a command line says so far, and what the word at the cursor may be. */
export interface Cursor {
  readonly command: CommandNode;
  /** Words of the command that are neither flags nor their values. */
  readonly args: readonly string[];
  /** Whose value is typed; `undefined`: that of none. */
  readonly valueOf: Parameter | undefined;
  readonly isFlag: boolean;
  /** Of the word at the cursor, the part before the value: `--queue=`. */
  readonly kept: string;
  /** The rest of it. */
  readonly typed: string;
  /** The flags of the whole line with their values, by the names that the command knows them by. */
  readonly given: Readonly<Record<string, string>>;
}

/**
 * @param before the words before the one at the cursor
 * @param current the word at the cursor, up to it
 * @param after the words behind the one at the cursor
 */
export function findCursor(
  root: CommandNode,
  before: readonly string[],
  current: string,
  after: readonly string[],
): Cursor {
  const { command, args, open, hasEnded } = readWords(root, before);
  const { given } = readWords(root, [...before, current, ...after]);
  const found = { command, args, given };
  if (hasEnded || !current.startsWith('-')) {
    return {
      ...found,
      valueOf: open === undefined ? undefined : (command.flag(open) ?? {}),
      isFlag: false,
      kept: '',
      typed: current,
    };
  }
  const [, name, text] = FLAG.exec(splitShortFlags([current])[0]!) ?? [];
  if (text === undefined) return { ...found, valueOf: undefined, isFlag: true, kept: '', typed: current };
  const kept = current.slice(0, current.length - text.length);
  return { ...found, valueOf: command.flag(name!) ?? {}, isFlag: false, kept, typed: text };
}

const FLAG = /^--?([A-Za-z][^=]*)(?:=(.*))?$/s;

interface Read {
  readonly command: CommandNode;
  readonly args: readonly string[];
  readonly given: Readonly<Record<string, string>>;
  /** The last word, if it is a flag without the value that it takes. */
  readonly open: string | undefined;
  /** Whether a `--` ended the flags. */
  readonly hasEnded: boolean;
}

function readWords(root: CommandNode, words: readonly string[]): Read {
  let command = root;
  let open: string | undefined;
  let hasEnded = false;
  const args: string[] = [];
  const flags: [name: string, value: string][] = [];
  const isSwitch = (name: string): boolean => command.flag(name)?.type === 'boolean';
  for (const word of splitShortFlags(words)) {
    const [, name, text] = (hasEnded ? undefined : FLAG.exec(word)) ?? [];
    if (name !== undefined) {
      if (text !== undefined || isSwitch(name)) flags.push([name, text ?? 'true']);
      open = text === undefined ? name : undefined;
      continue;
    }
    // A flag of a command may stand before it, and is taken for one with a value, as the parser takes it.
    const isValue = open !== undefined && word !== '--' && (!isSwitch(open) || /^(true|false)$/.test(word));
    if (isValue) {
      flags.push([open!, word]);
    } else if (word === '--' && !hasEnded) {
      hasEnded = true;
    } else {
      const next = hasEnded || args.length > 0 ? undefined : command.subcommand(word);
      if (next) command = next;
      else args.push(word);
    }
    open = undefined;
  }
  if (open !== undefined && isSwitch(open)) open = undefined;
  const given = Object.fromEntries(flags.map(([name, value]) => [command.flag(name)?.name ?? name, value]));
  return { command, args, given, open, hasEnded };
}
