import type { ParamData, PipeTransform, Type } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import type { TaskContext } from '@nestjs-asynq/core';

/**
 * Kinds of handler parameters. The payload takes the number of an HTTP body and of a microservice payload, because
 * `ValidationPipe` validates those and skips custom decorators; the others avoid all numbers that Nest uses.
 */
export const TaskParam = { payload: 3, context: 1001, taskId: 1002, signal: 1003 } as const;

type TaskParamKind = (typeof TaskParam)[keyof typeof TaskParam];

/** One decorated parameter, as Nest's pipeline reads it. Custom ones (`createParamDecorator`) also have a `factory`. */
export interface ParamMetadata {
  readonly index: number;
  readonly data?: ParamData | undefined;
  readonly pipes: readonly unknown[];
  /** Not from a decorator of the user: see {@link defineParams}. */
  readonly isImplied?: boolean | undefined;
}

/** A pipe of a parameter, as an instance or a class. */
export type Pipe = PipeTransform | Type<PipeTransform>;

/**
 * The task's payload, decoded, after the app's pipes. A class as the parameter's type is validated with
 * class-validator, and the handler gets an instance of it. With a property name: only that property of the payload.
 */
export function Payload(...pipes: Pipe[]): ParameterDecorator;
export function Payload(property: string, ...pipes: Pipe[]): ParameterDecorator;
export function Payload(first?: string | Pipe, ...rest: Pipe[]): ParameterDecorator {
  if (typeof first === 'string') return markParam(TaskParam.payload, first, rest);
  return markParam(TaskParam.payload, undefined, first ? [first, ...rest] : rest);
}

/** The {@link TaskContext}: id, type, queue, headers, retries, deadline, abort signal, `writeResult`, `progress`. */
export const Ctx = (): ParameterDecorator => markParam(TaskParam.context);

/** The task's id: stable over retries, so it serves as an idempotency key. */
export const TaskId = (): ParameterDecorator => markParam(TaskParam.taskId);

/** The `AbortSignal` of the attempt: timeout, deadline, cancellation, lost lease, shutdown. */
export const Signal = (): ParameterDecorator => markParam(TaskParam.signal);

/** Parameters of a method that have a decorator, ours or custom, whatever their order. */
export function paramsOf(target: object, method: string): ParamMetadata[] {
  return Object.values(readMetadata(target, method));
}

/** The payload parameter as a whole; `undefined` when the method takes none, or only properties of it. */
export function payloadParamOf(target: object, method: string): ParamMetadata | undefined {
  const isWholePayload = ([key, param]: [string, ParamMetadata]): boolean =>
    key.startsWith(`${TaskParam.payload}:`) && param.data === undefined;
  return Object.entries(readMetadata(target, method)).find(isWholePayload)?.[1];
}

/**
 * The parameters of a method, once all their decorators have run. Those that an overridden method has are removed, since
 * decorators of parameters add to them. A method without decorators takes `(payload, context)`; otherwise Nest would pass
 * the arguments as they are and run no pipe.
 */
export function defineParams(target: object, method: string): void {
  const inherited = readMetadata(Object.getPrototypeOf(target.constructor) as object, method);
  const all = Object.entries(readMetadata(target.constructor, method));
  const own = Object.fromEntries(all.filter(([key, param]) => inherited[key] !== param));
  Reflect.defineMetadata(ROUTE_ARGS_METADATA, own, target.constructor, method);
  if (Object.keys(own).length > 0) return;
  markParam(TaskParam.payload, undefined, [], true)(target, method, 0);
  markParam(TaskParam.context, undefined, [], true)(target, method, 1);
}

/** Reads one parameter from the arguments of the pipeline: the payload and the context. */
export function readParam(kind: number, property: ParamData | undefined, args: readonly unknown[]): unknown {
  const [payload, context] = args as [unknown, TaskContext];
  switch (kind as TaskParamKind) {
    case TaskParam.payload:
      return property === undefined
        ? payload
        : (payload as Record<string, unknown> | undefined | null)?.[property as string];
    case TaskParam.context:
      return context;
    case TaskParam.taskId:
      return context.id;
    case TaskParam.signal:
      return context.signal;
    default:
      // An HTTP decorator on a task handler (`@Query()`) has no meaning here.
      return undefined;
  }
}

function markParam(
  kind: TaskParamKind,
  data?: string,
  pipes: readonly Pipe[] = [],
  isImplied = false,
): ParameterDecorator {
  return (target, method, index) => {
    if (method === undefined) throw new TypeError('parameter decorators of tasks cannot be used on constructors');
    const params = {
      ...readMetadata(target.constructor, method),
      [`${kind}:${index}`]: { index, data, pipes, isImplied },
    };
    Reflect.defineMetadata(ROUTE_ARGS_METADATA, params, target.constructor, method);
  };
}

function readMetadata(target: object, method: string | symbol): Readonly<Record<string, ParamMetadata>> {
  const found: unknown = Reflect.getMetadata(ROUTE_ARGS_METADATA, target, method);
  return (found ?? {}) as Record<string, ParamMetadata>;
}
