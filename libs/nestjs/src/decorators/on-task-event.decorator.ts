import type { TaskEvent } from '@nestjs-asynq/core';
import type { TaskEventOf } from '../lifecycle/task-events.js';

const TASK_EVENT_METHODS = 'asynq:task-event-methods';

/** Which events a method receives. */
export interface OnTaskEventOptions {
  /** Only of tasks of this type, or of all types that begin with it, as in `@TaskHandler`. Default: of all. */
  readonly type?: string | undefined;
  /** Only of tasks of this queue. Default: of all. */
  readonly queue?: string | undefined;
  /** Name of the connection. Default `'default'`. */
  readonly connection?: string | undefined;
}

export interface TaskEventMethodMetadata {
  readonly kinds: readonly TaskEvent['kind'][];
  readonly method: string | symbol;
  readonly options: OnTaskEventOptions;
}

/** For methods that take an event of these kinds, or nothing. */
export type OnTaskEventDecorator<Kind extends TaskEvent['kind']> = <
  Method extends (event: TaskEventOf<Kind>) => unknown,
>(
  target: object,
  method: string | symbol,
  descriptor: TypedPropertyDescriptor<Method>,
) => void;

/**
 * Calls a method of a provider or controller with each event of this kind, or of these kinds, in this process:
 * `@OnTaskEvent('archived')`. What it throws is logged, and affects neither the task nor other methods; a shutdown waits for
 * its promise for 5 s at most. A request-scoped provider is built for each event. Guards, pipes and interceptors do not apply.
 */
export function OnTaskEvent<const Kind extends TaskEvent['kind']>(
  kind: Kind | readonly Kind[],
  options: OnTaskEventOptions = {},
): OnTaskEventDecorator<Kind> {
  return (target, method) => {
    if (typeof target === 'function') {
      const label = `${target.name}.${String(method)}`;
      throw new TypeError(`@OnTaskEvent is on the static method ${label}; static methods receive no events`);
    }
    const own = Reflect.getOwnMetadata(TASK_EVENT_METHODS, target.constructor) as TaskEventMethodMetadata[] | undefined;
    const metadata = { kinds: [kind].flat() as readonly Kind[], method, options };
    Reflect.defineMetadata(TASK_EVENT_METHODS, [...(own ?? []), metadata], target.constructor);
  };
}

/** The methods of a class with `@OnTaskEvent`, inherited ones included. A method that is decorated anew counts as that. */
export function taskEventMethodsOf(target: object): readonly TaskEventMethodMetadata[] {
  const found: TaskEventMethodMetadata[] = [];
  for (let at: object | null = target; at; at = Reflect.getPrototypeOf(at)) {
    const own = (Reflect.getOwnMetadata(TASK_EVENT_METHODS, at) as TaskEventMethodMetadata[] | undefined) ?? [];
    const known = new Set(found.map(({ method }) => method));
    found.push(...own.filter(({ method }) => !known.has(method)));
  }
  return found;
}
