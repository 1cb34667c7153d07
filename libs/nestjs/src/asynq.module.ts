import { type DynamicModule, Module } from '@nestjs/common';
import { OptionReader } from '@nestjs-asynq/core/internal';
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
    new OptionReader(options).throwIfWrong(); // Nest would fail with a TypeError
    return super.forRoot(options);
  }
}
