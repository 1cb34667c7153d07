import { Scheduler } from '@nestjs-asynq/core';

/**
 * Fires the periodic tasks of the app. Those of `@PeriodicTask` and of the provider in the options are there already; more
 * may be registered at any time; those of other processes are in the reach of `TaskInspector`. Inject it by its class;
 * `@InjectTaskScheduler(name)` for a named connection.
 */
export class TaskScheduler extends Scheduler {}
