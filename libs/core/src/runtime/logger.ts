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
