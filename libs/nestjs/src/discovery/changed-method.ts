import {
  EXCEPTION_FILTERS_METADATA,
  GUARDS_METADATA,
  INTERCEPTORS_METADATA,
  PIPES_METADATA,
} from '@nestjs/common/constants.js';
import type { Logger } from '@nestjs-asynq/core';
import type { MarkedMethod } from '../decorators/method-marks.js';
import { HandlerSetupError } from './handler-setup.error.js';

/** What a subclass loses of the method that it overrides. */
const ENHANCERS: Readonly<Record<string, string>> = {
  [GUARDS_METADATA]: '@UseGuards',
  [INTERCEPTORS_METADATA]: '@UseInterceptors',
  [PIPES_METADATA]: '@UsePipes',
  [EXCEPTION_FILTERS_METADATA]: '@UseFilters',
};

/** @throws {HandlerSetupError} nothing that can be called is left of a decorated method */
export function checkLeft(decorator: string, { change }: MarkedMethod<unknown>, label: string): void {
  if (change !== 'lost') return;
  throw new HandlerSetupError(
    `${label} had a @${decorator}, but no method of that name is left: another decorator or a subclass has removed it or put ` +
      'something else in its place. Restore the method, or remove the decorator.',
  );
}

/** Logs what happened to a decorated method, where it is not what was written. */
export function noteChange(
  decorator: string,
  { change, decorated, owner, name }: MarkedMethod<unknown>,
  label: string,
  logger: Logger,
): void {
  if (change === 'replaced') {
    logger.debug(`${label}: a decorator above @${decorator} has replaced the method; what it put there is used`);
  }
  if (change !== 'overridden') return;
  const base = `${owner.constructor.name}.${name}`;
  const lost = Object.keys(ENHANCERS).filter((key) => Reflect.hasOwnMetadata(key, decorated));
  const text = `${label} overrides ${base} without a @${decorator} of its own; it is used in place of it`;
  if (lost.length === 0) return logger.debug(text);
  const names = lost.map((key) => ENHANCERS[key]).join(', ');
  logger.warn(`${text}, without the ${names} of ${base}. Repeat the decorators on ${label}, or put them on the class.`);
}
