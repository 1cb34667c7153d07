import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import type { Logger } from '@nestjs-asynq/core';
import type { AsynqSettings } from '../asynq.options.js';
import type { TaskEventMethods } from '../discovery/task-event-methods.js';
import type { DestroyOrder } from './destroy-order.js';
import type { TaskServer } from './task-server.js';

const NOT_ASKED =
  'this application context takes no tasks, because it may be a script: set "worker" to true if this process works, to false if it ' +
  'only enqueues';

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
    /** Whether this kind of app takes tasks, with these options. */
    private readonly isWorker: () => boolean,
    private readonly logger: Logger,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    this.checkOrder();
    const { autoStart, worker } = this.settings;
    if (this.server.state === 'off') this.noteOff();
    else if (!autoStart) this.logger.info('autoStart is off: waiting for TaskServer.start()');
    else if (!this.isWorker()) this.logger.warn(NOT_ASKED);
    else return this.server.start();
    if (worker && autoStart && this.isWorker()) this.server.startWithHandlers();
  }

  private noteOff(): void {
    const { worker, isWorkMeant } = this.settings;
    if (!worker || !isWorkMeant) return this.logger.debug('nothing to run: this process only enqueues');
    this.logger.warn(
      'the options are those of a worker, but no provider has a @TaskHandler, so this process takes no tasks. Import the modules with ' +
        'the handlers, or set "worker" to false.',
    );
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
