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
