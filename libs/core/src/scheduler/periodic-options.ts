import { kindOf } from '../errors/invalid-options.error.js';
import { toMs } from '../runtime/duration.js';
import { OptionReader } from '../runtime/option-reader.js';
import type { TaskOptions } from '../task/task-options.js';
import { optionText } from '../wire/option-text.js';
import type { CatchUp } from '../broker/contract/schedules.js';

/**
 * Options of a periodic task: those of its tasks, and when and how it fires. With your own `taskId` or `unique` no task
 * is enqueued while the previous one exists. In a partitioned queue, the task goes to the ordinary
 * queue of the same name, which the servers of the partitioned queue serve as well.
 */
export interface PeriodicTaskOptions extends Omit<TaskOptions, 'group' | 'partitionKey'> {
  /**
   * The schedule's name, unique in its queue, under which Redis stores its progress. Schedulers share its ticks when
   * name, spec, type, payload and options are equal; when they differ, the definition stored last fires, and both
   * schedulers log it. Default: the type and a hash of spec, type, payload and options, so that a change of any of them
   * creates a new schedule. Options are those of the task with the scheduler's defaults, `catchUp` and `zone`.
   */
  readonly name?: string | undefined;
  /** What to do about ticks missed while no scheduler ran. Default `'skip'`. */
  readonly catchUp?: CatchUp | undefined;
  /** IANA time zone of the spec, unless it begins with one of its own. Default: the scheduler's. */
  readonly zone?: string | undefined;
  /** The spec may have a sixth field in front, of seconds. Default `false`, as in asynq. */
  readonly seconds?: boolean | undefined;
}

/** The options, separated into those of the task and those of the schedule. */
interface PeriodicSettings {
  readonly task: TaskOptions;
  readonly name: string | undefined;
  readonly catchUp: CatchUp;
  readonly zone: string | undefined;
  readonly seconds: boolean;
}

/** @throws {InvalidOptionsError} an option of the schedule is wrong; those of the task are checked with the task */
export function readPeriodicOptions(options: PeriodicTaskOptions): PeriodicSettings {
  const reader = new OptionReader(options);
  const { name: _name, catchUp: _catchUp, zone: _zone, seconds: _seconds, ...task } = options;
  const settings: PeriodicSettings = {
    task,
    name: reader.text('name', undefined),
    catchUp: reader.oneOf('catchUp', ['skip', 'one', 'all']) ?? 'skip',
    zone: reader.text('zone', undefined),
    seconds: reader.boolean('seconds', false),
  };
  if ('group' in task && task.group !== undefined) reader.refuse('group', 'no group for a periodic task');
  if ('partitionKey' in task && task.partitionKey !== undefined) {
    reader.refuse('partitionKey', 'no key for a periodic task', kindOf(task.partitionKey));
  }
  reader.throwIfWrong();
  return settings;
}

/** The options in the text form that asynq's programs show and parse. */
export function optionTexts(options: TaskOptions): string[] {
  const { queue, taskId, maxRetry, timeout, deadline, unique, processAt, processIn, retention, headers = {} } = options;
  const text = <Value>(value: Value | undefined, write: (value: Value) => string): string[] =>
    value === undefined ? [] : [write(value)];
  const ttl = typeof unique === 'object' ? unique.ttl : unique;
  return [
    ...text(queue, optionText.queue),
    ...text(taskId, optionText.taskId),
    ...text(maxRetry, optionText.maxRetry),
    ...text(timeout, (length) => optionText.timeout(toMs('timeout', length))),
    ...text(deadline, (at) => optionText.deadline(at.getTime())),
    ...text(ttl, (length) => optionText.unique(toMs('unique', length))),
    ...text(processAt, (at) => optionText.processAt(at.getTime())),
    ...text(processIn, (length) => optionText.processIn(toMs('processIn', length))),
    ...text(retention, (length) => optionText.retention(toMs('retention', length))),
    ...Object.entries(headers).map(([name, value]) => optionText.header(name, value)),
  ];
}
