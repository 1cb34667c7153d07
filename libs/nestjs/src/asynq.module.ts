import { Module } from '@nestjs/common';
import { ConfigurableModuleClass } from './asynq.module-definition.js';

/**
 * Queues shared with Go's asynq. `forRoot(options)` or `forRootAsync({ useFactory, inject, imports })`, once for each
 * connection; `name` beside them tells several apart.
 *
 * Import it **last** in the root module: its server then drains before the modules that its handlers use are destroyed.
 * Call `app.enableShutdownHooks()`, so that SIGTERM drains it too.
 */
@Module({})
export class AsynqModule extends ConfigurableModuleClass {}
