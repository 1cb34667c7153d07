import { errorText } from '../errors/error-text.js';
import { callGuarded } from './user-callback.js';

/** What the library logs to. Nest's `Logger` and `console` both fit. Payloads and passwords are never logged. */
export interface Logger {
  debug(message: string, fields?: object): void;
  info(message: string, fields?: object): void;
  warn(message: string, fields?: object): void;
  error(message: string, fields?: object): void;
}

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

const guarded = new WeakSet<Logger>();

/**
 * A logger whose methods never throw, whatever the given one does with what it gets: a formatter that cannot print an
 * error must not stop the part that logs it. The console says what could not be logged, and why.
 */
export function guardLogger(logger: Logger): Logger {
  if (guarded.has(logger)) return logger;
  const guard =
    (level: keyof Logger): Logger['error'] =>
    (...line) =>
      callGuarded(
        () => logger[level](...line),
        (error) => complain(line[0], error),
      );
  const safe = { debug: guard('debug'), info: guard('info'), warn: guard('warn'), error: guard('error') };
  guarded.add(safe);
  return safe;
}

function complain(message: string, error: unknown): void {
  try {
    console.error(`[asynq] ${message} (the logger failed: ${errorText(error)})`);
  } catch {
    // There is no place left to say it.
  }
}
