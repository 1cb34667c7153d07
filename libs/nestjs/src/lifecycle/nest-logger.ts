import { inspect } from 'node:util';
import { ConsoleLogger, type LoggerService, Logger as NestLogger } from '@nestjs/common';
import type { Logger } from '@nestjs-asynq/core';
import { callGuarded, errorText } from '@nestjs-asynq/core/internal';

/** Nest 12 prints an object next to the message; Nest 11 prints it as a separate line. */
const TAKES_FIELDS = 'stringifyParams' in ConsoleLogger.prototype;

/**
 * Nest drops what the app's logger returns: the rejection of one that writes asynchronously would end the process. It goes
 * to the console instead.
 */
class GuardedNestLogger extends NestLogger {
  override get localInstance(): LoggerService {
    const own = super.localInstance as LoggerService | undefined; // `undefined` with `logger: false`
    return (own && new Proxy(own, { get: guardedMethod })) as LoggerService;
  }
}

function guardedMethod(logger: LoggerService, name: string | symbol): unknown {
  const method: unknown = Reflect.get(logger, name);
  if (typeof method !== 'function') return method;
  return (...parts: unknown[]): void => {
    const returned: unknown = Reflect.apply(method, logger, parts);
    callGuarded(
      () => returned,
      (error) => console.error(`[asynq] the logger failed: ${errorText(error)}`),
    );
  };
}

/**
 * Writes what the core logs through Nest's `Logger`, so that it follows the app's logger and levels. Fields go along as
 * an object on Nest 12, and are folded into the message on Nest 11.
 */
export class NestLogAdapter implements Logger {
  private readonly logger: NestLogger;

  /** @param context shown in brackets: `AsynqServer` */
  constructor(
    context: string,
    private readonly takesFields = TAKES_FIELDS,
  ) {
    this.logger = new GuardedNestLogger(context);
  }

  debug(message: string, fields?: object): void {
    this.logger.debug(...this.parts(message, fields));
  }

  info(message: string, fields?: object): void {
    this.logger.log(...this.parts(message, fields));
  }

  warn(message: string, fields?: object): void {
    this.logger.warn(...this.parts(message, fields));
  }

  error(message: string, fields?: object): void {
    this.logger.error(...this.parts(message, fields));
  }

  private parts(message: string, fields: object | undefined): [message: string, ...fields: object[]] {
    if (!fields) return [message];
    return this.takesFields ? [message, fields] : [`${message} ${inspect(fields, { breakLength: Infinity })}`];
  }
}
