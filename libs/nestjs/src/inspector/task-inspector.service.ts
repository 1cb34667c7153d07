import { Inspector } from '@nestjs-asynq/core';

/**
 * Reads queues and tasks and controls them: everything that the core's `Inspector` does, over the connection that the
 * app has already. Inject it by its class; `@InjectTaskInspector(name)` for a named connection.
 */
export class TaskInspector extends Inspector {}
