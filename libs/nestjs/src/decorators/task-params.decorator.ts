import type { ParamData, PipeTransform, Type } from '@nestjs/common';
import { PARAMTYPES_METADATA, ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import type { TaskContext } from '@nestjs-asynq/core';
import { OptionReader } from '@nestjs-asynq/core/internal';
import { isStandardSchema, SchemaPipe, type StandardSchema } from '../handling/standard-schema.js';

/**
 * Kinds of handler parameters. The payload takes the number of an HTTP body and of a microservice payload, because
 * `ValidationPipe` validates those and skips custom decorators; the others avoid all numbers that Nest uses.
 */
export const TaskParam = { payload: 3, context: 1001, taskId: 1002, signal: 1003 } as const;

type TaskParamKind = (typeof TaskParam)[keyof typeof TaskParam];

/** One decorated parameter, as Nest's pipeline reads it. Custom ones (`createParamDecorator`) also have a `factory`. */
interface ParamMetadata {
  readonly index: number;
  readonly data?: ParamData | undefined;
  readonly pipes: readonly unknown[];
  /** The class named by `@Payload(VerifyEmail)`. */
  readonly payloadClass?: Type | undefined;
  /** `@Payload({ schema })`: the type of the parameter is not used. */
  readonly hasSchema?: boolean | undefined;
  /** Not from a decorator of the user: see {@link defineParams}. */
  readonly isImplied?: boolean | undefined;
}

/** A pipe of a parameter, as an instance or a class. */
export type Pipe = PipeTransform | Type<PipeTransform>;

/** Options of `@Payload()`; all of them may be combined, except `type` with `schema`. */
export interface PayloadOptions {
  /** The class to validate against, where the compiler does not tell it, or the parameter has another type. */
  readonly type?: Type | undefined;
  /** A schema of zod 4, valibot, ArkType or another library with Standard Schema; the handler gets what it returns. */
  readonly schema?: StandardSchema | undefined;
  /** Only this property of the payload. */
  readonly property?: string | undefined;
  /** Run after the app's pipes, and before the schema. */
  readonly pipes?: readonly Pipe[] | undefined;
}

/**
 * The task's payload, decoded, after the app's pipes. A class as the parameter's type is validated with class-validator, and the
 * handler gets an instance of it. The compiler must emit decorator metadata for this; where it does not (tsx, esbuild, SWC without
 * `decoratorMetadata`), name the class: `@Payload(VerifyEmail)`. With `{ schema }`: what a schema of zod, valibot or ArkType returns.
 * With a property name: only that property of the payload.
 */
export function Payload(...pipes: Pipe[]): ParameterDecorator;
export function Payload(property: string, ...pipes: Pipe[]): ParameterDecorator;
export function Payload(options: PayloadOptions): ParameterDecorator;
export function Payload(payloadClass: Type, ...pipes: Pipe[]): ParameterDecorator;
export function Payload(first?: string | Pipe | Type | PayloadOptions, ...rest: Pipe[]): ParameterDecorator {
  if (typeof first === 'string') return markPayload({ property: first, pipes: rest });
  if (isPipe(first)) return markPayload({ pipes: [first, ...rest] });
  if (typeof first === 'function') return markPayload({ type: first, pipes: rest });
  if (first === undefined && rest.length === 0) return markPayload({});
  return markPayload(readPayloadOptions(first));
}

/** A pipe, or the class of one. */
function isPipe(value: unknown): value is Pipe {
  if (typeof value !== 'object' && typeof value !== 'function') return false;
  const holder: unknown = typeof value === 'function' ? value.prototype : value;
  return typeof holder === 'object' && holder !== null && typeof Reflect.get(holder, 'transform') === 'function';
}

/** @throws {InvalidOptionsError} an option is wrong */
function readPayloadOptions(given: unknown): PayloadOptions {
  const reader = new OptionReader(given as object, '', '@Payload()');
  reader.onlyKnown(['type', 'schema', 'property', 'pipes']);
  const { type, schema, pipes } = given as PayloadOptions;
  if (type !== undefined && typeof type !== 'function') reader.refuse('type', 'a class');
  if (schema !== undefined && !isStandardSchema(schema)) {
    reader.refuse('schema', 'a schema with Standard Schema: zod 4, valibot, ArkType', schema);
  }
  if (type !== undefined && schema !== undefined) reader.refuse('type', 'either a class or a schema');
  if (pipes !== undefined && !(Array.isArray(pipes) && pipes.every(isPipe)))
    reader.refuse('pipes', 'pipes in an array');
  reader.text('property', undefined);
  reader.throwIfWrong();
  return given as PayloadOptions;
}

function markPayload({ type, schema, property, pipes = [] }: PayloadOptions): ParameterDecorator {
  const all = schema ? [...pipes, new SchemaPipe(schema)] : pipes;
  return markParam(TaskParam.payload, {
    data: property,
    pipes: all,
    payloadClass: type,
    hasSchema: schema !== undefined,
  });
}

/** The {@link TaskContext}: id, type, queue, headers, retries, deadline, abort signal, `writeResult`, `progress`. */
export const Ctx = (): ParameterDecorator => markParam(TaskParam.context);

/** The task's id: stable over retries, so it serves as an idempotency key. */
export const TaskId = (): ParameterDecorator => markParam(TaskParam.taskId);

/** The `AbortSignal` of the attempt: timeout, deadline, cancellation, lost lease, shutdown. */
export const Signal = (): ParameterDecorator => markParam(TaskParam.signal);

/** All parameters that take the payload or a property of it, under their keys in the metadata. */
export function payloadParamsOf(target: object, method: string): Record<string, ParamMetadata> {
  const isOfPayload = ([key]: [string, ParamMetadata]): boolean => key.startsWith(`${TaskParam.payload}:`);
  return Object.fromEntries(Object.entries(readMetadata(target, method)).filter(isOfPayload));
}

/** Parameters of a method that have a decorator, ours or custom, whatever their order. */
export function paramsOf(target: object, method: string): ParamMetadata[] {
  return Object.values(readMetadata(target, method));
}

/** The payload parameter as a whole; `undefined` when the method takes none, or only properties of it. */
export function payloadParamOf(target: object, method: string): ParamMetadata | undefined {
  return Object.values(payloadParamsOf(target, method)).find(({ data }) => data === undefined);
}

/**
 * The parameters of a method, once all their decorators have run. Those that an overridden method has are removed, since
 * decorators of parameters add to them. A method without decorators takes `(payload, context)`; otherwise Nest would pass
 * the arguments as they are and run no pipe.
 * @param name the method as Nest knows it
 */
export function defineParams(target: object, method: string | symbol, name: string): void {
  const inherited = readMetadata(Object.getPrototypeOf(target.constructor) as object, name);
  const all = Object.entries(readMetadata(target.constructor, method));
  const own = Object.fromEntries(all.filter(([key, param]) => inherited[key] !== param));
  Reflect.defineMetadata(ROUTE_ARGS_METADATA, own, target.constructor, name);
  defineTypes(target, method, name, Object.values(own));
  if (Object.keys(own).length > 0) return;
  markParam(TaskParam.payload, { isImplied: true })(target, name, 0);
  markParam(TaskParam.context, { isImplied: true })(target, name, 1);
}

/** The types that decorators name, in place of those that the compiler emits: pipes find them where Nest looks for types. */
function defineTypes(target: object, method: string | symbol, name: string, params: readonly ParamMetadata[]): void {
  const emitted = Reflect.getOwnMetadata(PARAMTYPES_METADATA, target, method) as readonly unknown[] | undefined;
  const named = params.filter(({ payloadClass, hasSchema }) => payloadClass !== undefined || hasSchema);
  if (named.length === 0) {
    if (emitted && name !== method) Reflect.defineMetadata(PARAMTYPES_METADATA, emitted, target, name);
    return;
  }
  const { length } = Reflect.get(target, method) as { readonly length: number };
  const count = Math.max(emitted?.length ?? length, ...params.map(({ index }) => index + 1));
  const types = Array.from({ length: count }, (_, index) => emitted?.[index] ?? Object);
  for (const { index, payloadClass } of named) types[index] = payloadClass ?? Object;
  Reflect.defineMetadata(PARAMTYPES_METADATA, types, target, name);
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

function markParam(kind: TaskParamKind, param: Partial<ParamMetadata> = {}): ParameterDecorator {
  return (target, method, index) => {
    if (method === undefined) throw new TypeError('parameter decorators of tasks cannot be used on constructors');
    const key = `${kind}:${index}`;
    const params = { ...readMetadata(target.constructor, method), [key]: { pipes: [], ...param, index } };
    Reflect.defineMetadata(ROUTE_ARGS_METADATA, params, target.constructor, method);
  };
}

function readMetadata(target: object, method: string | symbol): Readonly<Record<string, ParamMetadata>> {
  const found: unknown = Reflect.getMetadata(ROUTE_ARGS_METADATA, target, method);
  return (found ?? {}) as Record<string, ParamMetadata>;
}
