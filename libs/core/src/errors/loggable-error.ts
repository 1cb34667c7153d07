import { isInstance } from './as-error.js';
import { errorText } from './error-text.js';
import { QueueError } from './queue-error.js';

/** Maximum length of a message and of a stack in a log line, in characters. */
const LONGEST_MESSAGE = 2_048;
const LONGEST_STACK = 8_192;
/** Of a chain of causes, which may be circular. */
const DEEPEST_CAUSE = 8;
/** Of the errors that one error gathers. */
const MOST_GATHERED = 4;

/** Enumerable fields that may stay. */
const HARMLESS_FIELDS: ReadonlySet<string> = new Set(['code', 'name', 'message', 'stack']);

/**
 * A thrown value for logs: class, name, message, code, stack, causes and gathered errors, and nothing else. Libraries attach
 * much more to their errors: those of axios hold the whole request, with its `Authorization` header. Our own errors, and others
 * without further fields, are returned unchanged. Never throws.
 */
export function loggableError(thrown: unknown): Error {
  return loggable(thrown, 0);
}

function loggable(thrown: unknown, depth: number): Error {
  try {
    if (!isInstance(thrown, Error)) return new Error(shortText(errorText(thrown)));
    const parts = partsOf(thrown, depth);
    return isBare(thrown, parts) ? thrown : copyOf(thrown, parts);
  } catch {
    return new Error(shortText(errorText(thrown)));
  }
}

interface Parts {
  readonly message: string;
  readonly stack: string | undefined;
  readonly cause: Error | undefined;
  readonly gathered: readonly Error[] | undefined;
}

function partsOf(error: Error, depth: number): Parts {
  const { message, stack, cause, errors } = error as Error & { readonly errors?: unknown };
  const isDeepest = depth >= DEEPEST_CAUSE;
  return {
    message: shortText(textOf(message)),
    stack: typeof stack === 'string' ? shortText(stack, LONGEST_STACK) : undefined,
    cause: cause === undefined || cause === null || isDeepest ? undefined : loggable(cause, depth + 1),
    gathered:
      isInstance(error, AggregateError) && Array.isArray(errors) && !isDeepest
        ? errors.slice(0, MOST_GATHERED).map((one: unknown) => loggable(one, depth + 1))
        : undefined,
  };
}

/** Whether the error itself says no more than its parts. */
function isBare(error: Error, { message, stack, cause, gathered }: Parts): boolean {
  if (message !== error.message || stack !== error.stack || cause !== error.cause) return false;
  if (gathered && (error as { errors?: unknown[] }).errors!.some((one, i) => one !== gathered[i])) return false;
  if (error instanceof QueueError) return true;
  for (const field in error) if (!HARMLESS_FIELDS.has(field)) return false;
  return true;
}

function copyOf(error: Error, { message, stack, cause, gathered }: Parts): Error {
  const copy = new (classNamed(error.constructor.name))(message);
  // Not enumerable, as in other errors: loggers that list the fields of an error print these anyway.
  const define = (key: string, value: unknown, enumerable = false): void =>
    void Object.defineProperty(copy, key, { value, enumerable, configurable: true, writable: true });
  define('name', textOf(error.name));
  define('stack', stack);
  const code = codeOf(error);
  if (code !== undefined) define('code', code, true);
  if (cause) define('cause', cause);
  if (gathered) define('errors', gathered);
  return copy;
}

/** Loggers show the name of an error's class as its type. */
function classNamed(name: string): ErrorConstructor {
  let named = classes.get(name);
  if (!named && classes.size < MOST_CLASSES) {
    named = { [name]: class extends Error {} }[name] as unknown as ErrorConstructor;
    classes.set(name, named);
  }
  return named ?? Error;
}

const classes = new Map([['Error', Error]]);
/** Classes of errors are few, unless they are made at run time. */
const MOST_CLASSES = 200;

/** Of Node, databases and HTTP clients: `ECONNREFUSED`, `23505`. */
function codeOf(error: Error): string | number | undefined {
  const { code } = error as { readonly code?: unknown };
  if (typeof code === 'number') return code;
  return typeof code === 'string' ? shortText(code, 100) : undefined;
}

/** Despite its type, it may be anything. */
const textOf = (value: unknown): string => String(value);

/** Cut, and without the user and the password of addresses. */
export function shortText(text: string, longest = LONGEST_MESSAGE): string {
  const short = text.length <= longest ? text : `${text.slice(0, longest).toWellFormed()} … (cut)`;
  return short.includes('://') ? short.replace(/(\w:\/\/)[^\s/@]*@/g, '$1…@') : short;
}
