import { createHash } from 'node:crypto';
import { toMs } from '../runtime/duration.js';
import { OptionReader } from '../runtime/option-reader.js';
import type { TaskOptions } from '../task/task-options.js';
import { optionText } from '../wire/option-text.js';
import type { CatchUp } from './catch-up.js';

/**
 * Options of a periodic task: those of each enqueue, and when and how it fires. With your own `taskId` or `unique` no task
 * is enqueued while the one before is still there.
 */
export interface PeriodicTaskOptions extends Omit<TaskOptions, 'group'> {
  /**
   * The schedule's own name in its queue, under which Redis remembers how far it has come. Schedulers share its ticks when
   * name, spec, type, payload and options are equal; where they differ, the one stored last fires, and both log it.
   * Default: made of the type and a hash of spec, type, payload and options, so that a change of any of them makes a new
   * schedule.
   */
  readonly name?: string | undefined;
  /** How ticks missed while no scheduler ran are made up for. Default `'skip'`. */
  readonly catchUp?: CatchUp | undefined;
  /** IANA time zone of the spec, unless it begins with one of its own. Default: the scheduler's. */
  readonly zone?: string | undefined;
  /** The spec may have a sixth field in front, of seconds. Default `false`, as in asynq. */
  readonly seconds?: boolean | undefined;
}

/** The options, split by the part that takes them. */
export interface PeriodicSettings {
  readonly task: TaskOptions;
  readonly name: string | undefined;
  readonly catchUp: CatchUp;
  readonly zone: string | undefined;
  readonly seconds: boolean;
}

/** @throws {InvalidOptionsError} an option of the schedule is wrong; those of the task are checked with the task */
export function readPeriodicOptions(options: PeriodicTaskOptions): PeriodicSettings {
  const { name: _name, catchUp: _catchUp, zone: _zone, seconds: _seconds, ...task } = options;
  const reader = new OptionReader(options);
  const settings: PeriodicSettings = {
    task,
    name: reader.text('name', undefined),
    catchUp: reader.oneOf('catchUp', ['skip', 'one', 'all']) ?? 'skip',
    zone: reader.text('zone', undefined),
    seconds: reader.boolean('seconds', false),
  };
  if ('group' in task && task.group !== undefined) reader.refuse('group', 'no group for a periodic task');
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

/** What tells two periodic tasks apart, as asynq's PeriodicTaskManager counts it: lower-case hex of a SHA-256. */
export function periodicTaskHash(spec: string, type: string, payload: Uint8Array, texts: readonly string[]): string {
  const hash = createHash('sha256').update(spec).update(type).update(payload);
  const bytewise = texts.map((text) => Buffer.from(text)).sort((a, b) => a.compare(b));
  for (const text of bytewise) hash.update(text);
  return hash.digest('hex');
}
