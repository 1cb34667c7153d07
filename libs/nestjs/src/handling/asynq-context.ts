import type { ArgumentsHost } from '@nestjs/common';
import type { TaskContext } from '@nestjs-asynq/core';

/** What `context.getType()` answers in guards, interceptors and filters around a task handler. */
export type AsynqContextType = 'asynq';

export const ASYNQ_CONTEXT: AsynqContextType = 'asynq';

/** Whether a guard, interceptor, filter or parameter decorator runs around a task, and not around a request. */
export function isAsynqContext(host: ArgumentsHost): boolean {
  return host.getType<AsynqContextType | 'http'>() === ASYNQ_CONTEXT;
}

/** The task that an execution context is about. Its arguments are `[payload, TaskContext]`. */
export function getTaskContext(host: ArgumentsHost): TaskContext {
  return host.getArgByIndex<TaskContext>(1);
}
