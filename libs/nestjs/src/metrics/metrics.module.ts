import { type DynamicModule, Module, type Provider } from '@nestjs/common';
import { ModuleRef, ModulesContainer } from '@nestjs/core';
import { OptionReader } from '@nestjs-asynq/core/internal';
import { makeController } from './metrics.controller.js';
import { MetricsHost } from './metrics-host.js';
import {
  type MetricsModuleAsyncOptions,
  type MetricsModuleOptions,
  type MetricsMount,
  MODULE_NAMES,
  MOUNT_NAMES,
  readMount,
} from './metrics.options.js';

const GIVEN_OPTIONS = Symbol('asynq:metrics-options');

/**
 * Metrics for Prometheus of the app's queues and of the tasks that it handles, in a registry of prom-client. Import it beside
 * `AsynqModule`.
 */
@Module({})
export class AsynqMetricsModule {
  /** @throws {InvalidOptionsError} an option is unknown, or the path is wrong; other problems are found at start */
  static forRoot(options: MetricsMount & MetricsModuleOptions = {}): DynamicModule {
    const reader = new OptionReader(options);
    reader.onlyKnown([...MODULE_NAMES, ...MOUNT_NAMES]);
    reader.throwIfWrong();
    const { path, guards, ...given } = options;
    // In a closure: the registry is large, and Nest describes values.
    return metricsModule({ path, guards }, { provide: GIVEN_OPTIONS, useFactory: () => given }, []);
  }

  /** @throws {InvalidOptionsError} an option is wrong; those that the factory returns are read at start */
  static forRootAsync(options: MetricsModuleAsyncOptions): DynamicModule {
    const reader = new OptionReader(options);
    reader.onlyKnown([...MOUNT_NAMES, 'imports', 'inject', 'useFactory']);
    if (typeof options.useFactory !== 'function') reader.refuse('useFactory', 'a function');
    reader.throwIfWrong();
    const { path, guards, imports = [], inject = [], useFactory } = options;
    return metricsModule({ path, guards }, { provide: GIVEN_OPTIONS, useFactory, inject }, imports);
  }
}

function metricsModule(
  mount: MetricsMount,
  given: Provider,
  imports: NonNullable<DynamicModule['imports']>,
): DynamicModule {
  const settings = readMount(mount);
  const { path, guards } = settings;
  return {
    module: AsynqMetricsModule,
    imports,
    controllers: path === undefined ? [] : [makeController(path, guards)],
    providers: [
      given,
      {
        provide: MetricsHost,
        useFactory: (options: MetricsModuleOptions, moduleRef: ModuleRef, modules: ModulesContainer) =>
          new MetricsHost(options, settings, moduleRef, modules),
        inject: [GIVEN_OPTIONS, ModuleRef, ModulesContainer],
      },
    ],
  };
}
