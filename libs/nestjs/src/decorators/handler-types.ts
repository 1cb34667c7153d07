import type { TaskContext } from '@nestjs-asynq/core';
import type { Observable } from 'rxjs';
import type { HandledPayloadOf, TaskPayloads, TaskResults } from '../distributor/task-payloads.js';

/** Any method. */
export type AnyMethod = (...args: never[]) => unknown;

/** Whether a value may be passed to at least one of the parameters. */
type SomeTakes<Params extends readonly unknown[], Value> = true extends {
  [Index in keyof Params]: [Value] extends [Params[Index]] ? true : false;
}[number]
  ? true
  : false;

/** What parameters without the whole payload may take: context, id, signal, or a property of the payload. */
type OtherParam<Payload, Param> = [TaskContext] extends [Param]
  ? true
  : [string] extends [Param]
    ? true
    : [AbortSignal] extends [Param]
      ? true
      : Payload extends object
        ? true extends { [Name in keyof Payload]: [Payload[Name]] extends [Param] ? true : false }[keyof Payload]
          ? true
          : false
        : false;

type AllOthers<Payload, Params extends readonly unknown[]> = false extends {
  [Index in keyof Params]: OtherParam<Payload, Params[Index]>;
}[number]
  ? false
  : true;

type Takes<Payload, Params extends readonly unknown[]> = Params extends readonly []
  ? true
  : SomeTakes<Params, Payload> extends true
    ? true
    : AllOthers<Payload, Params>;

// oxlint-disable-next-line typescript/no-invalid-void-type -- what a handler without a result returns
type Returned<Result> = Result | void | undefined;

type Returns<Type extends string, Method extends AnyMethod> = Type extends keyof TaskResults
  ? ReturnType<Method> extends
      Returned<TaskResults[Type]> | Promise<Returned<TaskResults[Type]>> | Observable<Returned<TaskResults[Type]>>
    ? true
    : false
  : true;

/**
 * `unknown` for a method that may handle tasks of a type, else a type that no method has, whose name is a part of the compiler's
 * message.
 */
export type CheckedHandler<Type extends string, Method extends AnyMethod> = Type extends keyof TaskPayloads
  ? Takes<HandledPayloadOf<Type>, Parameters<Method>> extends true
    ? CheckedResult<Type, Method>
    : { readonly 'no parameter takes the payload of this task type': HandledPayloadOf<Type> }
  : CheckedResult<Type, Method>;

type CheckedResult<Type extends string, Method extends AnyMethod> =
  Returns<Type, Method> extends true
    ? unknown
    : { readonly 'the method does not return the result of this task type': never };
