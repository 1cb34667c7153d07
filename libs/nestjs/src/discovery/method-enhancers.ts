import type { Type } from '@nestjs/common';
import {
  EXCEPTION_FILTERS_METADATA,
  GUARDS_METADATA,
  INTERCEPTORS_METADATA,
  PIPES_METADATA,
} from '@nestjs/common/constants.js';
import { moduleRefOf } from './providers.js';
import type { DiscoveredHandler } from './task-handler.explorer.js';

const ENHANCERS = [GUARDS_METADATA, INTERCEPTORS_METADATA, PIPES_METADATA, EXCEPTION_FILTERS_METADATA];

/**
 * The handler with its enhancers as instances, if another function is in place of its method. Nest makes instances of the classes in
 * `@UseGuards` and its like for the methods that a class has when the app is created; without one it would leave them out silently.
 */
export async function withEnhancers(handler: DiscoveredHandler): Promise<DiscoveredHandler> {
  if (handler.found.change !== 'replaced') return handler;
  const { decorated } = handler.found;
  const moduleRef = moduleRefOf(handler.provider);
  const source = (): void => undefined;
  copyMetadata(decorated, source);
  for (const key of ENHANCERS) {
    const listed = Reflect.getOwnMetadata(key, decorated) as unknown[] | undefined;
    if (!listed) continue;
    const made = listed.map((one) => (typeof one === 'function' ? moduleRef.create(one as Type) : one));
    Reflect.defineMetadata(key, await Promise.all(made), source);
  }
  return { ...handler, source };
}

/** What a function does not say itself. */
export function copyMetadata(from: object, to: object): void {
  for (const key of Reflect.getOwnMetadataKeys(from) as unknown[]) {
    if (!Reflect.hasOwnMetadata(key, to)) Reflect.defineMetadata(key, Reflect.getOwnMetadata(key, from), to);
  }
}
