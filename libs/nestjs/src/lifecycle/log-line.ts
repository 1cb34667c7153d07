import { inspect } from 'node:util';
import { ConsoleLogger, Logger as NestLogger } from '@nestjs/common';
import type { Logger } from '@nestjs-asynq/core';

/** A line on its way to the app's logger, which is known when the line is written: with `bufferLogs` Nest holds lines back until then. */
export class LogLine {
  constructor(
    readonly message: string,
    readonly fields: object | undefined,
  ) {}
}

/** The parts of a line. */
interface Parts {
  readonly level: keyof Logger | 'log';
  readonly message: string;
  /** Without the error. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly error: Error | undefined;
  readonly context: readonly unknown[];
}

/**
 * The arguments with which a line reaches a logger so that fields, error and stack arrive, each in the logger's own way. Nest has no
 * rule for this: its `LoggerService` takes a message, a stack for errors, and a context.
 *
 * @param level the method of the logger
 * @param context what follows the line
 */
export function argumentsFor(logger: object, level: string, line: LogLine, context: readonly unknown[]): unknown[] {
  const { error, ...fields } = (line.fields ?? {}) as Readonly<Record<string, unknown>>;
  return styleOf(logger)({
    level: level as Parts['level'],
    message: line.message,
    fields,
    error: error instanceof Error ? error : undefined,
    context,
  });
}

type Style = (parts: Parts) => unknown[];

function styleOf(logger: object): Style {
  if (isPino(logger)) return 'structuredParams' in logger ? forNativePino(logger.structuredParams === true) : forPino;
  if (isWinston(logger)) return forWinston;
  if (!(logger instanceof ConsoleLogger) && !(logger instanceof NestLogger)) return forAnyOther;
  const { json = false, structuredParams } = optionsOf(logger);
  const takesFields = TAKES_FIELDS && structuredParams !== false;
  if (json) return takesFields ? forJson : forOldJson;
  return takesFields ? forConsole : forOldConsole;
}

/** `ConsoleLogger` of Nest 12 prints an object as the fields of the line, Nest 11 as a line of its own. */
const TAKES_FIELDS = 'stringifyParams' in ConsoleLogger.prototype;

interface ConsoleOptions {
  readonly json?: boolean;
  readonly structuredParams?: boolean;
}

const optionsOf = (logger: object): ConsoleOptions => (logger as { readonly options?: ConsoleOptions }).options ?? {};

/** Recognized by their members, not by their classes: they are no dependencies of ours. */
function isPino(logger: object): boolean {
  const { contextName, logger: inner } = logger as { readonly contextName?: unknown; readonly logger?: object };
  return typeof contextName === 'string' && hasMethods(inner, 'trace', 'assign');
}

const isWinston = (logger: object): boolean => hasMethods(logger, 'getWinstonLogger');

function hasMethods(object: object | undefined, ...names: readonly string[]): boolean {
  return (
    typeof object === 'object' &&
    object !== null &&
    names.every((name) => typeof Reflect.get(object, name) === 'function')
  );
}

/** `nestjs-pino`: an object of fields, then the message; pino prints `err` with its stack. */
const forPino: Style = ({ message, fields, error, context }) => [
  { ...fields, ...(error && { err: error }) },
  message,
  ...context,
];

/** Its `NativeLogger`, which is called as `ConsoleLogger` is, and writes JSON. */
const forNativePino =
  (takesFields: boolean): Style =>
  (parts) => {
    const { level, message, fields, error, context } = parts;
    if (!takesFields) return forOldConsole(parts);
    const all = { ...fields, ...(error && { error: plainError(error) }) };
    return [message, ...(isEmpty(all) ? [] : [all]), ...(level === 'error' && error ? [error.stack] : []), ...context];
  };

/** `nest-winston`: an object with message and fields, which winston writes as JSON; for errors a stack before the context. */
const forWinston: Style = ({ level, message, fields, error, context }) => [
  { ...fields, ...(error && { error: plainError(error) }), message },
  ...(level === 'error' ? [error?.stack] : []),
  ...context,
];

const forJson: Style = ({ message, fields, error, context }) => [
  message,
  ...(isEmpty(fields) ? [] : [fields]),
  ...(error ? [error] : []),
  ...context,
];

/** The object becomes the message of the record. */
const forOldJson: Style = ({ level, message, fields, error, context }) => {
  if (isEmpty(fields) && !error) return [message, ...context];
  const shown = { message, ...fields, ...(error && { error: plainError(error) }) };
  return [shown, ...(level === 'error' ? [error?.stack] : []), ...context];
};

const forConsole: Style = ({ level, message, fields, error, context }) => {
  if (level === 'error' && error) return [message, ...(isEmpty(fields) ? [] : [fields]), inspect(error), ...context];
  const all = { ...fields, ...(error && { error }) };
  return [message, ...(isEmpty(all) ? [] : [all]), ...context];
};

const forOldConsole: Style = (parts) => [...textOf(parts), ...parts.context];

/** By the interface of Nest: a message, for errors a stack, and the context last. */
const forAnyOther: Style = (parts) => {
  const text = textOf(parts);
  return [...text, ...(parts.level === 'error' && text.length < 2 ? [undefined] : []), ...parts.context];
};

/** Fields within the message; the error as the stack, or within the message where there is no place for one. */
function textOf({ level, message, fields, error }: Parts): string[] {
  const text = isEmpty(fields) ? message : `${message} ${inspect(fields, { breakLength: Infinity })}`;
  if (!error) return [text];
  return level === 'error' ? [text, inspect(error)] : [`${text}\n${inspect(error)}`];
}

const isEmpty = (fields: object): boolean => Object.keys(fields).length === 0;

/** For loggers that write errors as `{}`. */
interface PlainError {
  readonly name: string;
  readonly message: string;
  readonly code?: unknown;
  readonly stack?: string | undefined;
  readonly cause?: PlainError;
  readonly errors?: readonly PlainError[];
}

/** The error has been made loggable, so its causes end. */
function plainError(error: Error): PlainError {
  const { name, message, stack, cause, code, errors } = error as Error & { code?: unknown; errors?: unknown };
  return {
    name,
    message,
    ...(code !== undefined && { code }),
    stack,
    ...(cause instanceof Error && { cause: plainError(cause) }),
    ...(Array.isArray(errors) && { errors: errors.filter((one) => one instanceof Error).map(plainError) }),
  };
}
