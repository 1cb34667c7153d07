import { LazyModuleLoader, type ModuleRef } from '@nestjs/core';

/** Calls back after each module that the app's `LazyModuleLoader` has loaded, and before its caller goes on. */
export function onLazyModule(moduleRef: ModuleRef, listener: () => Promise<void>): void {
  const loader = moduleRef.get(LazyModuleLoader, { strict: false });
  const load = loader.load.bind(loader);
  loader.load = async (...args) => {
    const loaded = await load(...args);
    await listener();
    return loaded;
  };
}
