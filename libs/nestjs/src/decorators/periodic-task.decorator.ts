import type { PeriodicTaskOptions } from '@nestjs-asynq/core/internal';
import type { PayloadOf, TaskType } from '../distributor/task-payloads.js';
import { checkDecorated, checkName, ownerName } from './decorated-method.js';
import { MethodMarks } from './method-marks.js';
import { TaskHandler } from './task-handler.decorator.js';

const PERIODIC_TASKS = 'asynq:periodic-tasks';

/** Options of one periodic task: the task options, and those of the schedule. */
export interface PeriodicTaskDecoratorOptions extends PeriodicTaskOptions {
  /** Name of the connection to enqueue on. Default `'default'`. */
  readonly connection?: string | undefined;
}

/** Options of a method that is its own handler. */
export interface PeriodicHandlerOptions extends PeriodicTaskDecoratorOptions {
  /**
   * Task type of the method. It has no default: the names of classes and methods change when they are renamed or minified, but
   * schedules and tasks stay in Redis.
   */
  readonly type: string;
  /** The schedule is stored as `<type>:<name>`, so that methods of two services do not conflict. Default: `<type>`. */
  readonly name?: string | undefined;
}

export interface PeriodicTaskMetadata {
  readonly spec: string;
  readonly type: string;
  readonly payload: unknown;
  readonly options: PeriodicTaskDecoratorOptions;
}

/**
 * Enqueues a task of this type at every tick, in the process that claims the tick: each tick enqueues one task, however
 * many processes run. On a class or a method of a provider; the handler may be anywhere.
 *
 * @param spec as in asynq: `0 3 * * *`, `@daily`, `@every 30s`, optionally with `CRON_TZ=Asia/Tokyo ` in front
 */
export function PeriodicTask<Type extends TaskType>(
  spec: string,
  type: Type,
  payload?: PayloadOf<Type>,
  options?: PeriodicTaskDecoratorOptions,
): ClassDecorator & MethodDecorator;
/**
 * Runs the method at every tick, in one of the processes that serve the queue: it enqueues a task without a payload, and the
 * method is its handler, as with `@TaskHandler`. The name of its schedule begins with the task type.
 *
 * @throws {TypeError} when it decorates: `type` is missing
 */
export function PeriodicTask(spec: string, options: PeriodicHandlerOptions): MethodDecorator;
export function PeriodicTask(
  spec: string,
  typeOrOptions?: string | PeriodicHandlerOptions,
  payload?: unknown,
  options: PeriodicTaskDecoratorOptions = {},
): ClassDecorator & MethodDecorator {
  return (target: object, method?: string | symbol, descriptor?: PropertyDescriptor): void => {
    checkName('PeriodicTask', 'a cron spec, a text', spec, target, method);
    const written = `@PeriodicTask("${spec}")`;
    const isOnClass = typeof target === 'function' && method === undefined;
    if (!isOnClass) checkDecorated(written, 'have a schedule', target, method, descriptor);
    if (typeof typeOrOptions === 'string') {
      const metadata = { spec, type: typeOrOptions, payload, options };
      if (isOnClass) addToClass(target, metadata);
      else periodicTaskMarks.add(target, method!, descriptor!.value as object, metadata);
      return;
    }
    if (typeOrOptions !== undefined && (typeof typeOrOptions !== 'object' || typeOrOptions === null)) {
      checkName('PeriodicTask', 'a task type as its second argument, or options', typeOrOptions, target, method);
    }
    if (isOnClass)
      throw new TypeError(`${written} on the class ${ownerName(target)} needs a task type as its second argument`);
    const { type, name, ...own } = typeOrOptions ?? ({} as Partial<PeriodicHandlerOptions>);
    if (type === undefined) throw new TypeError(untyped(spec, target.constructor.name, String(method)));
    (TaskHandler(type, { connection: own.connection }) as MethodDecorator)(target, method!, descriptor!);
    const stored = { ...own, name: name === undefined ? type : `${type}:${name}` };
    const metadata = { spec, type, payload: undefined, options: stored };
    periodicTaskMarks.add(target, method!, descriptor!.value as object, metadata);
  };
}

function untyped(spec: string, owner: string, method: string): string {
  return (
    `@PeriodicTask("${spec}") on ${owner}.${method} needs a task type that stays when classes are renamed or minified, such as ` +
    `{ type: '${kebabCase(owner)}:${kebabCase(method)}' }`
  );
}

const kebabCase = (name: string): string => name.replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, '-').toLowerCase();

/** The metadata of all `@PeriodicTask`s on methods. */
export const periodicTaskMarks = new MethodMarks<PeriodicTaskMetadata>('asynq:periodic-task-methods');

function addToClass(owner: object, metadata: PeriodicTaskMetadata): void {
  Reflect.defineMetadata(PERIODIC_TASKS, [metadata, ...periodicTasksOf(owner)], owner);
}

/** Metadata of the decorators on a class, in source order. */
export function periodicTasksOf(owner: object): readonly PeriodicTaskMetadata[] {
  // Own metadata only: a subclass must not fire the periodic tasks of its base class again.
  return (Reflect.getOwnMetadata(PERIODIC_TASKS, owner) as PeriodicTaskMetadata[] | undefined) ?? [];
}
