import { UsageError } from './usage.error.js';

type Flags = Readonly<Record<string, unknown>>;

/** Arguments without a flag, which may be several. */
const POSITIONAL = ['_', 'queues', 'ids'];

/**
 * Refuses what the parser reads as something else than was written: a flag given twice, a missing value, a switch that is
 * neither true nor false, a number that is none. A command must not act on a guess.
 * @param args as they were given to the parser
 * @param flags as it returned them, under all their names
 * @param variadic names of flags that may be given several times
 * @throws {UsageError} names the flag as it was written
 */
export function checkGivenFlags(args: readonly string[], flags: Flags, variadic: readonly string[] = []): void {
  const allowed = new Set([...POSITIONAL, ...variadic]);
  const repeated = Object.keys(flags).find((name) => Array.isArray(flags[name]) && !allowed.has(name));
  if (repeated !== undefined) throw new UsageError(`--${repeated} is given more than once`);
  const end = args.indexOf('--');
  for (const [at, arg] of args.slice(0, end === -1 ? undefined : end).entries()) {
    const [, dashes, name, , text] = /^(--?)([^=]+)(=(.*))?$/s.exec(arg) ?? [];
    if (name !== undefined && name in flags) checkFlag(`${dashes}${name}`, flags[name], text, args[at + 1]);
  }
}

/**
 * @param text behind the equals sign
 * @param next the argument behind the flag
 */
function checkFlag(flag: string, value: unknown, text: string | undefined, next: string | undefined): void {
  if (typeof value === 'boolean' && text !== undefined && text !== 'true' && text !== 'false') {
    throw new UsageError(`${flag} is "${text}": true or false expected`);
  }
  if (typeof value === 'number' && Number.isNaN(value)) {
    throw new UsageError(`${flag} is "${text ?? next ?? ''}": a number expected`);
  }
  const isMissing =
    value === undefined || (value === '' && next !== '') || (Array.isArray(value) && value.length === 0);
  if (isMissing && text === undefined) {
    throw new UsageError(`${flag} needs a value${next === undefined ? '' : `; for "${next}" write ${flag}=${next}`}`);
  }
}

/**
 * The parser's message about an unknown flag, with what was probably meant: `--from -24h` has no value, as `-24h` looks like
 * a flag.
 */
export function explainUnknown(args: readonly string[], message: string): string {
  const [, names = ''] = /^Unknown arguments?: (.*)$/.exec(message) ?? [];
  for (const name of names.split(', ')) {
    const at = args.findIndex((arg) => arg.split('=')[0] === `-${name}`);
    const before = args[at - 1];
    if (at > 0 && /^--?[A-Za-z][^=]*$/.test(before!)) {
      return `${message}; if "${args[at]}" is the value of ${before}, write ${before}=${args[at]}`;
    }
  }
  return message;
}
