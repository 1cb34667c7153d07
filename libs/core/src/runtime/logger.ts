import { errorText } from '../errors/error-text.js';
import { callGuarded } from './user-callback.js';

/**
 * The interface for log output. Nest's `Logger` and `console` both implement it. Payloads and passwords are never
 * logged.
 */
export interface Logger {
  debug(message: string, fields?: object): void;
  info(message: string, fields?: object): void;
  warn(message: string, fields?: object): void;
  error(message: string, fields?: object): void;
}

/** The methods that a logger must have. */
export const LOGGER_METHODS = ['debug', 'info', 'warn', 'error'] as const satisfies readonly (keyof Logger)[];

const nothing = (): void => undefined;

/** Drops everything. */
export const silentLogger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };

/** Warnings and errors to the console: the default of a plain program. */
export const consoleLogger: Logger = {
  debug: nothing,
  info: nothing,
  warn: (message, fields) => console.warn(`[asynq] ${message}`, ...(fields ? [fields] : [])),
  error: (message, fields) => console.error(`[asynq] ${message}`, ...(fields ? [fields] : [])),
};

const guarded = new WeakSet<Logger>([silentLogger]);

/**
 * A logger whose methods never throw, even if the given one does: a formatter that cannot print an error must not stop
 * the part that logs it. The console shows what could not be logged, and why.
 */
export function guardLogger(logger: Logger): Logger {
  if (guarded.has(logger)) return logger;
  const guard =
    (level: keyof Logger): Logger['error'] =>
    (...line) =>
      callGuarded(
        () => logger[level](...shortLine(...line)),
        (error) => reportFailure(line[0], error),
      );
  const safe = { debug: guard('debug'), info: guard('info'), warn: guard('warn'), error: guard('error') };
  guarded.add(safe);
  return safe;
}

/** Maximum length of a text in a log line, in characters; the error stored with a task may be longer. */
const LONGEST_TEXT = 2_048;
const LONGEST_STACK = 8_192;
/** Of a chain of causes, which may be circular. */
const DEEPEST_CAUSE = 8;

function shortLine(message: string, fields?: object): [message: string, fields?: object] {
  const short = cutText(message, LONGEST_TEXT);
  if (fields === undefined) return [short];
  const { error } = fields as { readonly error?: unknown };
  const shorter = shortError(error);
  return [short, shorter === error ? fields : { ...fields, error: shorter }];
}

/** The error itself unless it is too long. One that cannot be read is left to the logger. */
function shortError(error: unknown, depth = 0): unknown {
  try {
    if (typeof error === 'string') return cutText(error, LONGEST_TEXT);
    if (!(error instanceof Error) || depth > DEEPEST_CAUSE) return error;
    const { message, name, stack, cause } = error;
    const shortCause = shortError(cause, depth + 1);
    const isShort = message.length <= LONGEST_TEXT && (stack?.length ?? 0) <= LONGEST_STACK;
    if (isShort && shortCause === cause) return error;
    const copy = new Error(cutText(message, LONGEST_TEXT), cause === undefined ? {} : { cause: shortCause });
    copy.name = name;
    if (stack !== undefined) copy.stack = cutText(stack, LONGEST_STACK);
    return copy;
  } catch {
    return error;
  }
}

const cutText = (text: string, longest: number): string =>
  text.length <= longest ? text : `${text.slice(0, longest).toWellFormed()} … (cut)`;

function reportFailure(message: string, error: unknown): void {
  try {
    console.error(
      `[asynq] ${cutText(message, LONGEST_TEXT)} (the logger failed: ${cutText(errorText(error), LONGEST_TEXT)})`,
    );
  } catch {
    // There is nowhere left to report it.
  }
}
