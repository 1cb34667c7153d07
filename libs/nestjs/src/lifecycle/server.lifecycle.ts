import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import type { Logger } from '@nestjs-asynq/core';
import type { AsynqSettings } from '../asynq.options.js';
import type { TaskEventMethods } from '../discovery/task-event-methods.js';
import type { DestroyOrder } from './destroy-order.js';
import type { TaskServer } from './task-server.js';

/**
 * Starts the server when the app is up, after all other modules, and drains it before any of them is destroyed. It belongs to the
 * module that the app imports, not to the global one with the connection, which is destroyed last.
 */
export class ServerLifecycle implements OnApplicationBootstrap, OnModuleDestroy {
  constructor(
    private readonly server: TaskServer,
    private readonly settings: AsynqSettings,
    private readonly eventMethods: Pick<TaskEventMethods, 'settled'>,
    private readonly order: Pick<DestroyOrder, 'earlier'>,
    private readonly logger: Logger,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    this.checkOrder();
    if (this.server.state === 'off') this.logger.debug('nothing to run: this process only enqueues');
    else if (!this.settings.autoStart) this.logger.info('autoStart is off: waiting for TaskServer.start()');
    else await this.server.start();
  }

  private checkOrder(): void {
    if (this.server.state === 'off') return;
    const earlier = this.order.earlier();
    if (earlier.length === 0) return;
    this.logger.warn(
      `Nest will call onModuleDestroy of ${earlier.join(', ')} before running tasks have ended. If handlers use what it closes, ` +
        'close it in onApplicationShutdown instead.',
    );
  }

  async onModuleDestroy(): Promise<void> {
    try {
      await this.server.shutdown();
      await this.eventMethods.settled();
    } catch (error) {
      // Nest 11 would stop the shutdown here and leave the database open; the tasks are recovered when their leases
      // expire.
      this.logger.error('the server did not shut down cleanly', { error });
    }
  }
}
