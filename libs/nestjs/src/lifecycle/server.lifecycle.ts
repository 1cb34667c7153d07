import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import type { Logger } from '@nestjs-asynq/core';
import type { AsynqSettings } from '../asynq.options.js';
import type { TaskServer } from './task-server.js';

/**
 * Starts the server when the app is up and drains it before the app's other modules are destroyed. It belongs to the
 * module that the app imports, which must not be global: Nest destroys global modules last, after the database.
 */
export class ServerLifecycle implements OnApplicationBootstrap, OnModuleDestroy {
  constructor(
    private readonly server: TaskServer,
    private readonly settings: AsynqSettings,
    private readonly logger: Logger,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    if (this.server.state === 'off') this.logger.debug('nothing to run: this process only enqueues');
    else if (!this.settings.autoStart) this.logger.info('autoStart is off: waiting for TaskServer.start()');
    else await this.server.start();
  }

  async onModuleDestroy(): Promise<void> {
    try {
      await this.server.shutdown();
    } catch (error) {
      // Nest 11 would stop the shutdown here and leave the database open; the tasks are recovered when their leases
      // expire.
      this.logger.error('the server did not shut down cleanly', { error });
    }
  }
}
