/** Short flags that take a value, in any command. */
const WITH_VALUE = 'gilnpqstuUx';

/** Writes `-qmail` as `-q=mail`, as asynq's command reads it; yargs treats each letter as a flag. */
export function splitShortFlags(args: readonly string[]): string[] {
  const end = args.indexOf('--');
  return args.map((arg, at) => {
    if (end !== -1 && at > end) return arg;
    const [, flag, value] = /^-([A-Za-z])([^=].*)$/s.exec(arg) ?? [];
    return flag !== undefined && WITH_VALUE.includes(flag) ? `-${flag}=${value}` : arg;
  });
}
