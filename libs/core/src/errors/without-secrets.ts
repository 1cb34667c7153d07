import { asError } from './as-error.js';

/** Fields that libraries add to their errors and that may be shown. */
interface Details {
  readonly code?: string;
  readonly command?: { readonly name: string };
  readonly lastNodeError?: unknown;
  /** Of an `AggregateError`: Node tries all addresses of a host, and its error has no text. */
  readonly errors?: readonly unknown[];
}

/** Maximum depth of a chain of causes, which may be circular. */
const DEEPEST = 8;

/**
 * A copy of an error of ioredis, Redis or Node that may be logged: ioredis adds the arguments of the command, including
 * payloads and passwords, Redis quotes those of unknown commands, Node adds the whole URL.
 */
export function withoutSecrets(thrown: unknown, depth = 0): Error {
  const error = asError(thrown);
  const { code, command, lastNodeError, errors } = error as Details;
  const copy = new Error(cleaned(error.message || (Array.isArray(errors) ? asError(errors[0]).message : '')));
  // Not enumerable, as in ioredis' own errors, so that comparisons ignore them.
  const define = (name: string, value: unknown): void =>
    void Object.defineProperty(copy, name, { value, configurable: true, writable: true });
  define('name', error.name);
  define('stack', error.stack === undefined ? undefined : cleaned(error.stack));
  if (code !== undefined) define('code', code);
  if (command !== undefined) define('command', { name: command.name });
  if (lastNodeError !== undefined && depth < DEEPEST) define('lastNodeError', withoutSecrets(lastNodeError, depth + 1));
  if (error.cause !== undefined && depth < DEEPEST) define('cause', withoutSecrets(error.cause, depth + 1));
  return copy;
}

const cleaned = (text: string): string =>
  text
    .replace(/, with args beginning with:.*$/gm, '')
    .replace(/(\w+:\/\/)\S*@/g, '$1…@')
    .replace(/(\w+:\/\/[^\s?]*\?)\S+/g, '$1…');
