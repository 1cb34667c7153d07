import { type DynamicModule, Module } from '@nestjs/common';
import { InvalidOptionsError } from '@nestjs-asynq/core';
import { isRecord } from '@nestjs-asynq/core/internal';
import type { AsynqModuleOptions } from './asynq.options.js';
import { type AsynqModuleExtras, ConfigurableModuleClass } from './asynq.module-definition.js';

/**
 * Queues shared with Go's asynq. `forRoot(options)` or `forRootAsync({ useFactory, inject, imports })`, once per
 * connection; `name` distinguishes several.
 *
 * Where it is imported makes no difference: its server starts after all modules are up, and drains before any of them is
 * destroyed. Call `app.enableShutdownHooks()`, so that SIGTERM drains it too.
 */
@Module({})
export class AsynqModule extends ConfigurableModuleClass {
  /** @throws {InvalidOptionsError} the options are no object, or `name` is wrong; other problems are found when the app is created */
  static override forRoot(options: AsynqModuleOptions & AsynqModuleExtras): DynamicModule {
    refuseUnless(isRecord(options) && !isPromise(options), 'forRoot', options, FOR_ROOT);
    return super.forRoot(options);
  }

  /**
   * @throws {InvalidOptionsError} nothing provides the options, or `name` is wrong; other problems are found when the app is created
   */
  static override forRootAsync(options: ForRootAsyncOptions): DynamicModule {
    refuseUnless(isRecord(options), 'forRootAsync', options, FOR_ROOT_ASYNC);
    const { useFactory, useClass, useExisting } = options;
    const source = useFactory ?? useClass ?? useExisting;
    refuseUnless(source !== undefined, 'forRootAsync', options, FOR_ROOT_ASYNC);
    const isCallable = useFactory === undefined || typeof useFactory === 'function';
    refuseUnless(isCallable, 'forRootAsync', useFactory, 'a function as useFactory, which returns the options');
    return super.forRootAsync(options);
  }
}

type ForRootAsyncOptions = Parameters<typeof ConfigurableModuleClass.forRootAsync>[0];

const FOR_ROOT =
  "an object with the options: forRoot({ connection: { url: 'redis://localhost:6379' } }); if they come from a " +
  'service or a promise, forRootAsync({ inject: [ConfigService], useFactory: (config) => ({ connection: … }) })';
const FOR_ROOT_ASYNC =
  'an object with useFactory, useClass or useExisting: forRootAsync({ useFactory: () => ({ connection: … }) }); ' +
  'for options that are known in advance, forRoot({ connection: … })';

const isPromise = (value: object): boolean => typeof Reflect.get(value, 'then') === 'function';

function refuseUnless(isFine: boolean, method: string, value: unknown, allowed: string): asserts isFine {
  if (isFine) return;
  const shown = typeof value === 'object' && value !== null && isPromise(value) ? 'a promise' : value;
  throw new InvalidOptionsError([{ option: `AsynqModule.${method}()`, value: shown, allowed }]);
}
