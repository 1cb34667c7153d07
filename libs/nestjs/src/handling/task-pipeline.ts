import { type ArgumentMetadata, type PipeTransform } from '@nestjs/common';
import { EXCEPTION_FILTERS_METADATA, INTERCEPTORS_METADATA, ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { type ContextId, ExternalContextCreator, type ModuleRef } from '@nestjs/core';
import type { ExternalExceptionFilterContext } from '@nestjs/core/exceptions/external-exception-filter-context.js';
import type { NestContainer } from '@nestjs/core/injector/container.js';
import { RevokeTask, SkipRetry, type TaskContext } from '@nestjs-asynq/core';
import { guardLogger } from '@nestjs-asynq/core/internal';
import { isObservable, lastValueFrom, type Observable } from 'rxjs';
import type { EnhancerOptions } from '../asynq.options.js';
import { NestLogAdapter } from '../lifecycle/nest-logger.js';
import { copyMetadata } from '../discovery/method-enhancers.js';
import { payloadParamsOf, readParam, TaskParam } from '../decorators/task-params.decorator.js';
import { ASYNQ_CONTEXT } from './asynq-context.js';
import { withItsMessages } from './exception-text.js';
import { isRejection, PayloadValidator, rejectionMessages } from './payload-validator.js';
import { schemaOfClass, validateWith } from './standard-schema.js';
import { TaskEnhancers } from './task-enhancers.js';

/** Runs one task through guards, interceptors, pipes, the handler and filters. */
export type TaskRun = (payload: unknown, context: TaskContext) => Promise<unknown>;

type Method = (...args: unknown[]) => unknown;

/** Parameter metadata as `ExternalContextCreator` passes it to pipes: the kind is still a number. */
type ParamToPipe = Omit<ArgumentMetadata, 'type'> & { readonly type: unknown };

/** The scope of a provider that is built for one task. */
interface PerTaskHost {
  readonly contextId: ContextId;
  readonly inquirerId: string;
}

/**
 * Wraps one handler method in Nest's enhancers, with context type `'asynq'`. Only one method, because Nest 11 caches
 * parameters by the names of class and method, which two modules may share.
 *
 * Nest's own pipeline does the work, with three differences. Global guards, interceptors and filters are left
 * out unless enabled. A payload that pipes reject is archived. And filters have a pipeline of their own, because Nest
 * treats an error as handled as soon as a filter returns something.
 */
export class TaskPipeline {
  private readonly logger = guardLogger(new NestLogAdapter('AsynqHandlers'));
  private readonly inner: ExternalContextCreator;
  private readonly outer: ExternalContextCreator;
  private readonly container: NestContainer;

  constructor(
    moduleRef: ModuleRef,
    private readonly enabled: EnhancerOptions,
    private readonly validator: PayloadValidator | undefined,
    /** `false`: only the app's own pipes check payloads. */
    private readonly isValidating: boolean,
  ) {
    const container = containerFor(moduleRef, enabled);
    this.container = container;
    this.inner = ExternalContextCreator.fromContainer(container);
    // A second one, since the cache of Nest 11 does not distinguish the two calls of `create`.
    this.outer = ExternalContextCreator.fromContainer(container);
    this.validatePayloads(this.inner, asSkipRetry);
    this.inner.transformToResult = async (result: unknown) => result; // `create` does it, with the task's signal
    this.outer.transformToResult = async (result: unknown) => resultOf(result);
    leaveLoggingToServer(this.outer);
  }

  /**
   * The pipeline around the method of one instance. Cheap enough to create for every task.
   * @param source the decorated function, whose enhancers apply also if another one is in its place
   */
  create(instance: object, methodName: string, source?: object, perTask?: PerTaskHost): TaskRun {
    const method = enhanced(Reflect.get(instance, methodName) as Method, source);
    const handle: TaskRun = this.inner.create(
      instance,
      method,
      methodName,
      ROUTE_ARGS_METADATA,
      { exchangeKeyForValue: readParam },
      perTask?.contextId,
      perTask?.inquirerId,
      { guards: true, interceptors: true, filters: false },
      ASYNQ_CONTEXT,
    );
    // Interceptors make an Observable of everything: the promise of a handler would run on behind one that was unsubscribed.
    const isHandlers = !this.has(INTERCEPTORS_METADATA, instance, method) && this.enabled.interceptors !== true;
    const run: TaskRun = async (payload, context) => {
      try {
        return await resultOf(await handle(payload, context), isHandlers ? context : undefined);
      } catch (error) {
        throw withItsMessages(error);
      }
    };
    const hasFilters = this.enabled.filters === true || this.has(EXCEPTION_FILTERS_METADATA, instance, method);
    return hasFilters ? this.withFilters(run, instance, method, methodName, perTask) : run;
  }

  private has(enhancers: string, instance: object, method: Method): boolean {
    return Reflect.hasMetadata(enhancers, method) || Reflect.hasMetadata(enhancers, instance.constructor);
  }

  /** A filter may throw another error, but its return value does not turn a failure into a success. */
  private withFilters(
    run: TaskRun,
    instance: object,
    method: Method,
    methodName: string,
    perTask?: PerTaskHost,
  ): TaskRun {
    const failures = new WeakMap<TaskContext, { readonly error: unknown }>();
    const remembering = async (payload: unknown, context: TaskContext): Promise<unknown> => {
      try {
        return await run(payload, context);
      } catch (error) {
        failures.set(context, { error });
        throw error;
      }
    };
    const filters: unknown = Reflect.getMetadata(EXCEPTION_FILTERS_METADATA, method);
    Reflect.defineMetadata(EXCEPTION_FILTERS_METADATA, filters, remembering);
    const filtered: TaskRun = this.outer.create(
      instance,
      remembering as Method,
      methodName,
      undefined,
      undefined,
      perTask?.contextId,
      perTask?.inquirerId,
      { guards: false, interceptors: false, filters: true },
      ASYNQ_CONTEXT,
    );
    return async (payload, context) => {
      const result = await filtered(payload, context).catch((thrown: unknown) => {
        this.noteReplaced(failures.get(context)?.error, thrown, context);
        throw thrown;
      });
      const failure = failures.get(context);
      if (failure) throw failure.error;
      return result;
    };
  }

  /** A filter written for HTTP fails on a task, and its error replaces the original one. */
  private noteReplaced(original: unknown, thrown: unknown, { id, type }: TaskContext): void {
    const isMeant = thrown === original || thrown instanceof SkipRetry || thrown instanceof RevokeTask;
    if (isMeant || (thrown instanceof Error && thrown.cause === original)) return;
    this.logger.warn(`an exception filter replaced the error of task ${id} (${type})`, { error: original });
  }

  /**
   * Runs the pipes that a payload goes through on its way to the method, and nothing else. Rejects with the error of a pipe.
   * @param source see {@link create}
   */
  createCheck(instance: object, methodName: string, source: object): (payload: unknown) => Promise<void> {
    const checker = ExternalContextCreator.fromContainer(this.container);
    this.validatePayloads(checker, (error) => error);
    const nothing = (): void => undefined;
    copyMetadata(source, nothing);
    Reflect.defineMetadata(
      PAYLOAD_PARAMS,
      payloadParamsOf(instance.constructor, methodName),
      instance.constructor,
      methodName,
    );
    const run: (payload: unknown) => Promise<unknown> = checker.create(
      instance,
      nothing,
      methodName,
      PAYLOAD_PARAMS,
      { exchangeKeyForValue: readParam },
      undefined,
      undefined,
      { guards: false, interceptors: false, filters: false },
      ASYNQ_CONTEXT,
    );
    return async (payload) => void (await run(payload));
  }

  /** @param asThrown changes the error of a pipe */
  private validatePayloads(creator: ExternalContextCreator, asThrown: (error: unknown) => unknown): void {
    const runPipes = creator.getParamValue.bind(creator) as (
      value: unknown,
      param: ParamToPipe,
      pipes: PipeTransform[],
    ) => Promise<unknown>;
    creator.getParamValue = async (value: unknown, param: ParamToPipe, pipes: PipeTransform[]) => {
      try {
        // The context is no payload, although it has a class: a pipe must not make a copy of it.
        const own = param.type === TaskParam.context ? { ...param, metatype: Object } : param;
        return await this.validated(value, await runPipes(value, own, pipes), param);
      } catch (error) {
        throw asThrown(error);
      }
    };
  }

  /** An instance of the class was created by a pipe of the app: transforming it again could corrupt it. */
  private async validated(given: unknown, piped: unknown, { type, metatype, data }: ParamToPipe): Promise<unknown> {
    if (type !== TaskParam.payload || !PayloadValidator.isPayloadClass(metatype)) return piped;
    if (piped instanceof metatype || !this.isValidating) return piped;
    const schema = schemaOfClass(metatype);
    // A pipe of the app, such as that of nestjs-zod, has returned another object: it knows the schema.
    if (schema) return piped === given ? validateWith(schema, piped) : piped;
    return this.validator ? this.validator.validate(piped, metatype, data) : piped;
  }
}

/** The method; where it does not carry the enhancers of `source` itself, a stand-in that does. */
function enhanced(method: Method, source: object | undefined): Method {
  if (!source || source === method) return method;
  const standIn = function (this: unknown, ...args: unknown[]): unknown {
    return Reflect.apply(method, this, args);
  };
  copyMetadata(method, standIn);
  copyMetadata(source, standIn);
  return standIn;
}

/** A payload that a pipe rejects is archived. Without the rejection as a cause: its response may contain the payload. */
function asSkipRetry(error: unknown): unknown {
  return isRejection(error) ? new SkipRetry(`invalid payload: ${rejectionMessages(error).join('; ')}`) : error;
}

/** The parameters that take the payload, where {@link TaskPipeline.createCheck} looks for them. */
const PAYLOAD_PARAMS = 'asynq:payload-params';

/** Nest logs an error that no filter handles. The server does, too, with the task, so there would be two lines. */
function leaveLoggingToServer(creator: ExternalContextCreator): void {
  const contexts = creator['filtersContextCreator'] as ExternalExceptionFilterContext;
  const create = contexts.create.bind(contexts);
  contexts.create = (...args) => {
    const handler = create(...args);
    handler.next = async (exception: unknown, host) => {
      await handler.invokeCustomFilters(exception, host);
      throw exception;
    };
    return handler;
  };
}

/** Unlike Nest's, also for an Observable that completes without a value; with a context, until that is aborted. */
async function resultOf(result: unknown, context?: TaskContext): Promise<unknown> {
  if (!isObservable(result)) return result;
  return context ? lastValueUntilAbort(result, context.signal) : lastValueFrom(result, { defaultValue: undefined });
}

/** Unsubscribes at the abort, when the Observable has not ended: it might never do so, and would keep its slot for good. */
function lastValueUntilAbort(source: Observable<unknown>, signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let last: unknown;
    const next = (value: unknown): void => void (last = value);
    const subscription = source.subscribe({ next, error: reject, complete: () => resolve(last) });
    const giveUp = (): void => {
      reject(signal.reason as Error);
      subscription.unsubscribe();
    };
    if (signal.aborted) giveUp();
    else signal.addEventListener('abort', giveUp, { once: true });
  });
}

/** The app's container, with the global enhancers that apply to tasks. */
function containerFor(moduleRef: ModuleRef, enabled: EnhancerOptions): NestContainer {
  const container = moduleRef['container'];
  const config = new TaskEnhancers(container.applicationConfig!, enabled);
  return Object.create(container, { applicationConfig: { value: config } }) as NestContainer;
}
