import { inspect } from 'node:util';
import { ConsoleLogger, Logger as NestLogger } from '@nestjs/common';
import type { Logger } from '@nestjs-asynq/core';

/** Nest 12 prints an object beside the message; Nest 11 makes a record of its own of it. */
const TAKES_FIELDS = 'stringifyParams' in ConsoleLogger.prototype;

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
    this.logger = new NestLogger(context);
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
