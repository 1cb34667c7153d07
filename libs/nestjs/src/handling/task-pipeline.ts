import {
  EXCEPTION_FILTERS_METADATA,
  GUARDS_METADATA,
  INTERCEPTORS_METADATA,
  ROUTE_ARGS_METADATA,
} from '@nestjs/common/constants.js';
import { type ContextId, ExternalContextCreator, type ModuleRef } from '@nestjs/core';
import type { ExternalExceptionFilterContext } from '@nestjs/core/exceptions/external-exception-filter-context.js';
import type { NestContainer } from '@nestjs/core/injector/container.js';
import { RevokeTask, SkipRetry, type TaskContext } from '@nestjs-asynq/core';
import { guardLogger } from '@nestjs-asynq/core/internal';
import { isObservable, lastValueFrom, type Observable } from 'rxjs';
import type { EnhancerOptions } from '../asynq.options.js';
import { NestLogAdapter } from '../lifecycle/nest-logger.js';
import { copyMetadata } from '../discovery/method-enhancers.js';
import { payloadParamsOf, readParam } from '../decorators/task-params.decorator.js';
import { ASYNQ_CONTEXT } from './asynq-context.js';
import { withItsMessages } from './exception-text.js';
import { isRejection, type PayloadValidator, rejectionMessages } from './payload-validator.js';
import { type FillArguments, TaskArguments } from './task-arguments.js';
import { TaskEnhancers } from './task-enhancers.js';

/** Runs one task through guards, interceptors, pipes, the handler and filters. */
export type TaskRun = (payload: unknown, context: TaskContext) => Promise<unknown>;

type Method = (...args: unknown[]) => unknown;

/** The scope of a provider that is built for one task. */
interface PerTaskHost {
  readonly contextId: ContextId;
  readonly inquirerId: string;
}

/**
 * Wraps one handler method in Nest's enhancers, with context type `'asynq'`. Only one method, because Nest 11 caches
 * parameters by the names of class and method, which two modules may share.
 *
 * Nest's own pipeline does the work, with four differences. Global guards, interceptors and filters are left
 * out unless enabled. A payload that pipes reject is archived. Filters have a pipeline of their own, because Nest
 * treats an error as handled as soon as a filter returns something. And pipes are run by {@link TaskArguments}, for
 * methods without guards and interceptors without Nest's steps around them: these cost 3 us per task.
 */
export class TaskPipeline {
  private readonly logger = guardLogger(new NestLogAdapter('AsynqHandlers'));
  private readonly inner: ExternalContextCreator;
  private readonly outer: ExternalContextCreator;
  private readonly container: NestContainer;
  private readonly args: TaskArguments;

  constructor(
    moduleRef: ModuleRef,
    private readonly enabled: EnhancerOptions,
    validator: PayloadValidator | undefined,
    /** `false`: only the app's own pipes check payloads. */
    isValidating: boolean,
  ) {
    const container = containerFor(moduleRef, enabled);
    this.container = container;
    this.inner = ExternalContextCreator.fromContainer(container);
    // A second one, since the cache of Nest 11 does not distinguish the two calls of `create`.
    this.outer = ExternalContextCreator.fromContainer(container);
    this.args = new TaskArguments(validator, isValidating);
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
    const made = this.runPipesIn(this.inner, asSkipRetry);
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
    const isIntercepted = this.enabled.interceptors === true || this.has(INTERCEPTORS_METADATA, instance, method);
    const isGuarded = this.enabled.guards === true || this.has(GUARDS_METADATA, instance, method);
    const isBare = !isIntercepted && !isGuarded;
    const run = isBare && made.fill ? runBare(instance, method, made.fill) : runByNest(handle, isIntercepted);
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
    this.runPipesIn(checker, (error) => error);
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

  /**
   * Replaces how a creator runs the pipes of parameters.
   * @param asThrown changes the error of a pipe
   * @returns holds after the creator's `create` what fills the arguments of that method, if it takes any
   */
  private runPipesIn(
    creator: ExternalContextCreator,
    asThrown: (error: unknown) => unknown,
  ): { readonly fill?: FillArguments } {
    const made: { fill?: FillArguments } = {};
    creator.createPipesFn = (pipes, params) => {
      if (params.length === 0) return null;
      made.fill = this.args.filler(pipes, params, asThrown);
      return made.fill as (args: unknown[], ...given: unknown[]) => Promise<void>;
    };
    return made;
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

/** The method behind Nest's guards and interceptors. */
function runByNest(handle: TaskRun, isIntercepted: boolean): TaskRun {
  return async (payload, context) => {
    try {
      // Interceptors make an Observable of everything: the promise of a handler would run on behind one that was unsubscribed.
      return await resultOf(await handle(payload, context), isIntercepted ? undefined : context);
    } catch (error) {
      throw withItsMessages(error);
    }
  };
}

/** A method without guards and interceptors: its arguments are made, and it is called. */
function runBare(instance: object, method: Method, fill: FillArguments): TaskRun {
  return async (payload, context) => {
    try {
      const args: unknown[] = [];
      const filling = fill(args, payload, context);
      if (filling) await filling;
      const result: unknown = await Reflect.apply(method, instance, args);
      return isObservable(result) ? await lastValueUntilAbort(result, context.signal) : result;
    } catch (error) {
      throw withItsMessages(error);
    }
  };
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
