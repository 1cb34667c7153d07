/** Short flags that take a value, in any command. */
const WITH_VALUE = 'gilnpqstuUx';

/**
 * Writes `-qmail` as `-q=mail`, as asynq's command reads it, and `-l -` as `-l=-`; yargs treats each letter and the dash as
 * flags.
 */
export function splitShortFlags(args: readonly string[]): string[] {
  const end = args.indexOf('--');
  const split: string[] = [];
  for (const [at, arg] of args.entries()) {
    const isBehindEnd = end !== -1 && at > end;
    if (!isBehindEnd && arg === '-' && isFlagAlone(args[at - 1])) split.push(`${split.pop()!}=-`);
    else split.push(isBehindEnd ? arg : splitShortFlag(arg));
  }
  return split;
}

/** A flag without a value after an equals sign. */
const isFlagAlone = (arg: string | undefined): boolean => arg !== undefined && /^--?[A-Za-z][^=]*$/.test(arg);

function splitShortFlag(arg: string): string {
  const [, flag, value] = /^-([A-Za-z])([^=].*)$/s.exec(arg) ?? [];
  return flag !== undefined && WITH_VALUE.includes(flag) ? `-${flag}=${value}` : arg;
}

/** Stands before words behind `--`. No program can be given a word with a zero byte. */
const PLAIN = '\0';

/** Marks the words behind `--`, which yargs does not take for arguments of a command, and drops the `--`. */
export function markPlainWords(args: readonly string[]): string[] {
  const end = args.indexOf('--');
  return end === -1 ? [...args] : [...args.slice(0, end), ...args.slice(end + 1).map((word) => PLAIN + word)];
}

export const unmarked = (text: string): string => text.replaceAll(PLAIN, '');

/** What the parser made of marked words, without the marks. */
export function unmarkPlainWords<Flags>(flags: Flags): Flags {
  const unmark = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(unmark);
    return typeof value === 'string' ? unmarked(value) : value;
  };
  return Object.fromEntries(Object.entries(flags as object).map(([name, value]) => [name, unmark(value)])) as Flags;
}
