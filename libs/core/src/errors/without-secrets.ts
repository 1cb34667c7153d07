import { asError } from './as-error.js';

/** What libraries add to their errors and may be shown. */
interface Details {
  readonly code?: string;
  readonly command?: { readonly name: string };
  readonly lastNodeError?: unknown;
}

/** Of a chain of causes; one may lead back into itself. */
const DEEPEST = 8;

/**
 * A copy of an error of ioredis, Redis or Node that may be shown: ioredis adds the arguments of the command, payloads and
 * passwords among them, Redis quotes those of a command that it does not know, Node adds the whole URL.
 */
export function withoutSecrets(thrown: unknown, depth = 0): Error {
  const error = asError(thrown);
  const { code, command, lastNodeError } = error as Details;
  const copy = new Error(cleaned(error.message));
  // As ioredis' own errors have them: seen by who looks closely, and not in the way of a comparison.
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
  text.replace(/, with args beginning with:.*$/gm, '').replace(/(\w+:\/\/)\S*@/g, '$1…@');
