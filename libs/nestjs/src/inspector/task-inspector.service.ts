import { Inspector } from '@nestjs-asynq/core';

/**
 * Reads and controls queues and tasks, as the core's `Inspector` does, over the app's connection. Inject it by its class; `@InjectTaskInspector(name)` for a named connection.
 */
export class TaskInspector extends Inspector {}
