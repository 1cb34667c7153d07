import type { InjectionToken } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import type { Module } from '@nestjs/core/injector/module.js';

/** Below the root module's 0. */
const NEAREST = -Number.MAX_VALUE;

/**
 * Has the module that provides `token` destroyed before every other one, wherever it is imported.
 *
 * Nest runs the hooks of modules by their distance from the root: those of the farthest are initialized first, and destroyed
 * last. It computes the distances when it has scanned all modules, and reads them when it has created all providers. So the
 * module gets a distance in between: nearer than the root.
 */
export class DestroyOrder {
  constructor(
    private readonly modules: ModulesContainer,
    private readonly token: InjectionToken,
  ) {
    const own = this.own();
    if (own) own.distance = NEAREST;
  }

  /**
   * Classes of other modules whose `onModuleDestroy` runs earlier all the same: their module has been moved in the same way, or
   * this version of Nest orders modules by something else. Modules like this one do not count.
   */
  earlier(): string[] {
    const own = this.own();
    if (!own) return [];
    const order = [...this.modules.values()].sort((a, b) => b.distance - a.distance).reverse();
    const before = order.slice(0, order.indexOf(own)).filter(({ metatype }) => metatype !== own.metatype);
    return [...new Set(before.flatMap(destroyedIn))];
  }

  private own(): Module | undefined {
    return [...this.modules.values()].find(({ providers }) => providers.has(this.token));
  }
}

/** Names of the classes in a module that have an `onModuleDestroy`. */
function destroyedIn({ providers, controllers, injectables }: Module): string[] {
  const wrappers = [...providers.values(), ...controllers.values(), ...injectables.values()];
  const instances: unknown[] = wrappers.filter(({ isAlias }) => !isAlias).map(({ instance }) => instance);
  return instances.filter(isDestroyed).map((instance) => instance.constructor.name);
}

const isDestroyed = (instance: unknown): instance is object =>
  typeof instance === 'object' &&
  instance !== null &&
  typeof (instance as { readonly onModuleDestroy?: unknown }).onModuleDestroy === 'function';
