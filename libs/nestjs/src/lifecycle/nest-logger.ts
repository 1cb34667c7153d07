import { type LoggerService, Logger as NestLogger } from '@nestjs/common';
import type { Logger } from '@nestjs-asynq/core';
import { callGuarded, errorText } from '@nestjs-asynq/core/internal';
import { argumentsFor, LogLine } from './log-line.js';

/**
 * Nest's logger with two additions. A {@link LogLine} reaches the app's logger with the arguments that this one understands. And
 * nothing that the app's logger returns is dropped, as Nest does: the rejection of one that writes asynchronously would end the
 * process. It goes to the console instead.
 */
class LineLogger extends NestLogger {
  override get localInstance(): LoggerService {
    const own = super.localInstance as LoggerService | undefined; // `undefined` with `logger: false`
    return (own && new Proxy(own, { get: lineMethod })) as LoggerService;
  }
}

function lineMethod(logger: LoggerService, name: string | symbol): unknown {
  const method: unknown = Reflect.get(logger, name);
  if (typeof method !== 'function') return method;
  return (first: unknown, ...rest: unknown[]): void => {
    // Nest fills the place of the stack with `undefined`.
    const context = rest.filter((part) => part !== undefined);
    const parts = first instanceof LogLine ? argumentsFor(logger, String(name), first, context) : [first, ...rest];
    const returned: unknown = Reflect.apply(method, logger, parts);
    callGuarded(
      () => returned,
      (error) => console.error(`[asynq] the logger failed: ${errorText(error)}`),
    );
  };
}

/**
 * Writes what the core logs through Nest's `Logger`, so that it follows the app's logger and levels. `ConsoleLogger` as text and
 * as JSON, `nestjs-pino` and `nest-winston` receive fields and errors as such; any other logger receives them within the message.
 */
export class NestLogAdapter implements Logger {
  private readonly logger: NestLogger;

  /** @param context shown in brackets: `AsynqServer` */
  constructor(context: string) {
    this.logger = new LineLogger(context);
  }

  debug(message: string, fields?: object): void {
    this.logger.debug(new LogLine(message, fields));
  }

  info(message: string, fields?: object): void {
    this.logger.log(new LogLine(message, fields));
  }

  warn(message: string, fields?: object): void {
    this.logger.warn(new LogLine(message, fields));
  }

  error(message: string, fields?: object): void {
    this.logger.error(new LogLine(message, fields));
  }
}
