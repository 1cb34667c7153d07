import type { Aggregate, GroupLimitOptions } from '@nestjs-asynq/core/internal';
import { checkDecorated, checkName } from './decorated-method.js';
import { MethodMarks } from './method-marks.js';

/** Options of one aggregator. Omitted limits default to those of the module's `groupAggregator`. */
export interface TaskAggregatorOptions extends GroupLimitOptions {
  /** Name of the connection whose groups are aggregated. Default `'default'`. */
  readonly connection?: string | undefined;
}

export interface TaskAggregatorMetadata {
  readonly pattern: string;
  readonly options: TaskAggregatorOptions;
}

/** For methods that take `(group, tasks, context)`, or fewer parameters, and return the task to enqueue. */
export type TaskAggregatorDecorator = <Method extends Aggregate>(
  target: object,
  method: string | symbol,
  descriptor: TypedPropertyDescriptor<Method>,
) => void;

/**
 * Marks a method of a provider as the function that combines the tasks of a group into one. `pattern` is the name of a
 * group, or a prefix followed by `*` (`'digest:*'`); the exact name has precedence, then the longest prefix. A method
 * may have several.
 *
 * Guards, pipes and interceptors do not apply, because it does not handle a single task. Errors are logged, and the
 * tasks return to their group, to be aggregated again. The provider must be a singleton.
 */
export function TaskAggregator(pattern: string, options: TaskAggregatorOptions = {}): TaskAggregatorDecorator {
  return (target, method, descriptor) => {
    checkName('TaskAggregator', 'the name of a group, a text', pattern, target, method);
    checkDecorated(`@TaskAggregator("${pattern}")`, 'aggregate tasks', target, method, descriptor);
    taskAggregatorMarks.add(target, method, descriptor.value!, { pattern, options });
  };
}

/** The metadata of all `@TaskAggregator`s. */
export const taskAggregatorMarks = new MethodMarks<TaskAggregatorMetadata>('asynq:task-aggregators');
