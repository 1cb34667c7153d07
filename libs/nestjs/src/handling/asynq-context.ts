import type { ArgumentsHost } from '@nestjs/common';
import type { TaskContext } from '@nestjs-asynq/core';

/** The result of `context.getType()` in guards, interceptors and filters around a task handler. */
type AsynqContextType = 'asynq';

export const ASYNQ_CONTEXT: AsynqContextType = 'asynq';

/** Whether a guard, interceptor, filter or parameter decorator runs for a task rather than a request. */
export function isAsynqContext(host: ArgumentsHost): boolean {
  return host.getType<AsynqContextType | 'http'>() === ASYNQ_CONTEXT;
}

/** The task of an execution context. Its arguments are `[payload, TaskContext]`. */
export function getTaskContext(host: ArgumentsHost): TaskContext {
  return host.getArgByIndex<TaskContext>(1);
}
