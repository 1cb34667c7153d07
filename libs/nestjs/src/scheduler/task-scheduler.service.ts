import { Scheduler } from '@nestjs-asynq/core';

/**
 * Fires the periodic tasks of the app: those of `@PeriodicTask` and of the provider in the options, and those registered
 * at run time. `TaskInspector` controls the schedules of all processes. Inject it by its class;
 * `@InjectTaskScheduler(name)` for a named connection.
 */
export class TaskScheduler extends Scheduler {}
