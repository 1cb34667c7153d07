import type { RetryDelay } from '@nestjs-asynq/core';
import { noteDecorated } from '../discovery/decorated-classes.js';
import type { TaskType } from '../distributor/task-payloads.js';
import type { AnyMethod, CheckedHandler } from './handler-types.js';
import { checkDecorated, checkName } from './decorated-method.js';
import { MethodMarks, textName } from './method-marks.js';
import { defineParams } from './task-params.decorator.js';

/** Options of one handler. They override those of the module. */
export interface TaskHandlerOptions {
  /** Delay before the next attempt of this task type, in milliseconds. Default: the module's `retryDelay`. */
  readonly retryDelay?: RetryDelay | undefined;
  /** `false`: retry without counting it as a failure. Default: the module's `isFailure`. */
  readonly isFailure?: ((error: unknown) => boolean) | undefined;
  /**
   * Maximum number of tasks that this handler runs at one time in a process, all types of its pattern together; 1 or more.
   * Further ones stay in their queue, and those behind them run. Default: the module's `concurrency` alone limits it.
   */
  readonly concurrency?: number | undefined;
  /** Name of the connection whose tasks are handled. Default `'default'`. */
  readonly connection?: string | undefined;
}

/** What one `@TaskHandler` says about its method. */
export interface TaskHandlerMetadata {
  /** A task type, or the beginning of task types. */
  readonly pattern: string;
  /** As given to the decorator; `{}` if nothing was given. */
  readonly options: TaskHandlerOptions;
}

/**
 * For methods that take the payload of the task type, as `TaskPayloads` lists it, and return its result, as `TaskResults` does.
 * A type that is not listed is not checked; neither is `type as string`, for handlers whose parameters come from decorators of
 * your own alone.
 */
export type TaskHandlerDecorator<Type extends string> = <Method extends AnyMethod>(
  target: object,
  method: string | symbol,
  descriptor: TypedPropertyDescriptor<Method> & CheckedHandler<Type, Method>,
) => void;

/**
 * Marks a method of a provider as the handler of a task type. Matches as asynq's `ServeMux` does: the exact type,
 * otherwise the longest registered pattern with which the type begins (`'email:'` matches every email). A method may
 * have several.
 *
 * Parameters: `@Payload()`, `@Ctx()` and custom ones, or `(payload, context)` without decorators. A fulfilled promise
 * or completed Observable is success; `SkipRetry` archives, `RevokeTask` deletes, any other error retries, including
 * that of a guard that denies. A payload that a pipe rejects is archived at once.
 */
export function TaskHandler<const Type extends TaskType>(
  pattern: Type,
  options: TaskHandlerOptions = {},
): TaskHandlerDecorator<Type> {
  return (target, method, descriptor) => {
    checkName('TaskHandler', 'the task type that it handles, a text', pattern, target, method);
    checkDecorated(`@TaskHandler("${pattern}")`, 'handle tasks', target, method, descriptor);
    taskHandlerMarks.add(target, method, descriptor.value as unknown as object, { pattern, options });
    noteDecorated(target.constructor);
    defineParams(target, method, textName(target, method));
  };
}

/** The metadata of all `@TaskHandler`s. */
export const taskHandlerMarks = new MethodMarks<TaskHandlerMetadata>('asynq:task-handlers');
