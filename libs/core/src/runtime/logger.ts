import { errorText } from '../errors/error-text.js';
import { loggableError, shortText } from '../errors/loggable-error.js';
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

function shortLine(message: string, fields?: object): [message: string, fields?: object] {
  const short = shortText(message);
  if (fields === undefined) return [short];
  const { error } = fields as { readonly error?: unknown };
  return [short, error === undefined ? fields : { ...fields, error: loggableError(error) }];
}

function reportFailure(message: string, error: unknown): void {
  try {
    console.error(`[asynq] ${shortText(message)} (the logger failed: ${shortText(errorText(error))})`);
  } catch {
    // There is nowhere left to report it.
  }
}
