import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import type { Logger } from '@nestjs-asynq/core';
import type { AsynqSettings } from '../asynq.options.js';
import type { PeriodicTasks } from './periodic-tasks.js';
import type { TaskScheduler } from './task-scheduler.service.js';

/** Starts the scheduler with the app if it has periodic tasks, and stops it before the connection closes. */
export class SchedulerLifecycle implements OnApplicationBootstrap, OnModuleDestroy {
  constructor(
    private readonly scheduler: TaskScheduler,
    private readonly periodicTasks: Pick<PeriodicTasks, 'startWithTasks'>,
    private readonly settings: AsynqSettings,
    /** Whether this kind of app fires periodic tasks, with these options. */
    private readonly mayFire: () => boolean,
    private readonly logger: Logger,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const { autoStart, scheduler } = this.settings;
    const planned = this.scheduler.entries().length;
    if (!autoStart || scheduler === false) return;
    if (planned === 0 && !scheduler.provider) {
      if (this.mayFire()) this.periodicTasks.startWithTasks();
      return;
    }
    if (!this.mayFire()) {
      return this.logger.warn(
        'this application context fires no periodic tasks, because it may be a script: set "worker"',
      );
    }
    await this.scheduler.start();
    this.logger.info(`firing ${this.scheduler.entries().length} periodic tasks`);
  }

  async onModuleDestroy(): Promise<void> {
    await this.scheduler.shutdown();
  }
}
