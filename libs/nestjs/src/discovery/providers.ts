import { type DiscoveryService, ModuleRef } from '@nestjs/core';
import type { InstanceWrapper } from '@nestjs/core/injector/instance-wrapper.js';
import { HandlerSetupError } from './handler-setup.error.js';

/** The app's providers. An instance with several tokens, through `useExisting` or a factory, is returned once. */
export function distinctProviders(discovery: DiscoveryService): InstanceWrapper<object>[] {
  const seen = new Set<unknown>();
  return discovery.getProviders().filter((provider: InstanceWrapper<object>) => {
    const instance: unknown = provider.instance;
    if (provider.isAlias || seen.has(instance)) return false;
    if (instance) seen.add(instance);
    return true;
  });
}

/** The instance first: for `useFactory` the metatype is the factory, not the class. */
export function prototypeOf({ instance, metatype }: InstanceWrapper<object>): object | undefined {
  if (typeof instance === 'object' && instance !== null) return Reflect.getPrototypeOf(instance) ?? undefined;
  return (metatype?.prototype as object | undefined) ?? undefined;
}

/** A method, for messages: `Pages.build`. */
export const labelOf = (prototype: object, method: string): string => `${prototype.constructor.name}.${method}`;

/**
 * Nest builds controllers for HTTP requests only.
 * @param labelsIn names what is decorated in a class: `Pages.build`
 * @throws {HandlerSetupError} a controller has the decorator
 */
export function refuseControllers(
  discovery: DiscoveryService,
  decorator: string,
  labelsIn: (prototype: object) => readonly string[],
): void {
  const prototypes = (discovery.getControllers() as InstanceWrapper<object>[]).map(prototypeOf);
  const [label] = prototypes.flatMap((prototype) => (prototype ? labelsIn(prototype) : []));
  if (label === undefined) return;
  throw new HandlerSetupError(`${label} has a @${decorator} in a controller. Move it to a class in "providers".`);
}

/** Whether there is one instance for the life of the app; otherwise one is built for each request, task or event. */
export const isSingleton = (host: InstanceWrapper): boolean => host.isDependencyTreeStatic() && !host.isTransient;

/** The reference to its own module, so that a class of the same name in another module is not used instead. */
export const moduleRefOf = (host: InstanceWrapper): ModuleRef =>
  host.host!.getProviderByKey<ModuleRef>(ModuleRef).instance;
