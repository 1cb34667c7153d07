import { type ArgumentMetadata, type PipeTransform } from '@nestjs/common';
import { EXCEPTION_FILTERS_METADATA, INTERCEPTORS_METADATA, ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { type ContextId, ExternalContextCreator, type ModuleRef } from '@nestjs/core';
import type { NestContainer } from '@nestjs/core/injector/container.js';
import { RevokeTask, SkipRetry, type TaskContext } from '@nestjs-asynq/core';
import { guardLogger } from '@nestjs-asynq/core/internal';
import { isObservable, lastValueFrom, type Observable } from 'rxjs';
import type { EnhancerOptions } from '../asynq.options.js';
import { NestLogAdapter } from '../lifecycle/nest-logger.js';
import { readParam, TaskParam } from '../decorators/task-params.decorator.js';
import { ASYNQ_CONTEXT } from './asynq-context.js';
import { isRejection, PayloadValidator, rejectionMessages } from './payload-validator.js';
import { TaskEnhancers } from './task-enhancers.js';

/** Runs one task through guards, interceptors, pipes, the handler and filters. */
export type TaskRun = (payload: unknown, context: TaskContext) => Promise<unknown>;

type Method = (...args: unknown[]) => unknown;

/** Parameter metadata as `ExternalContextCreator` passes it to pipes: the kind is still a number. */
type ParamToPipe = Omit<ArgumentMetadata, 'type'> & { readonly type: unknown };

/** The scope of a provider that is built for one task. */
export interface PerTaskHost {
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

  constructor(
    moduleRef: ModuleRef,
    private readonly enabled: EnhancerOptions,
    private readonly validator: PayloadValidator | undefined,
  ) {
    const container = containerFor(moduleRef, enabled);
    this.inner = ExternalContextCreator.fromContainer(container);
    // A second one, since the cache of Nest 11 does not distinguish the two calls of `create`.
    this.outer = ExternalContextCreator.fromContainer(container);
    this.rejectInvalidPayloads(this.inner);
    this.inner.transformToResult = async (result: unknown) => result; // `create` does it, with the task's signal
    this.outer.transformToResult = async (result: unknown) => resultOf(result);
  }

  /** The pipeline around the method of one instance. Cheap enough to create for every task. */
  create(instance: object, methodName: string, perTask?: PerTaskHost): TaskRun {
    const method = Reflect.get(instance, methodName) as Method;
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
    const run: TaskRun = async (payload, context) =>
      resultOf(await handle(payload, context), isHandlers ? context : undefined);
    const hasFilters = this.enabled.filters === true || this.has(EXCEPTION_FILTERS_METADATA, instance, method);
    return hasFilters ? this.withFilters(run, instance, methodName, perTask) : run;
  }

  private has(enhancers: string, instance: object, method: Method): boolean {
    return Reflect.hasMetadata(enhancers, method) || Reflect.hasMetadata(enhancers, instance.constructor);
  }

  /** A filter may throw another error, but its return value does not turn a failure into a success. */
  private withFilters(run: TaskRun, instance: object, methodName: string, perTask?: PerTaskHost): TaskRun {
    const failures = new WeakMap<TaskContext, { readonly error: unknown }>();
    const remembering = async (payload: unknown, context: TaskContext): Promise<unknown> => {
      try {
        return await run(payload, context);
      } catch (error) {
        failures.set(context, { error });
        throw error;
      }
    };
    const filters: unknown = Reflect.getMetadata(
      EXCEPTION_FILTERS_METADATA,
      Reflect.get(instance, methodName) as Method,
    );
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

  private rejectInvalidPayloads(creator: ExternalContextCreator): void {
    const runPipes = creator.getParamValue.bind(creator) as (
      value: unknown,
      param: ParamToPipe,
      pipes: PipeTransform[],
    ) => Promise<unknown>;
    creator.getParamValue = async (value: unknown, param: ParamToPipe, pipes: PipeTransform[]) => {
      try {
        // The context is no payload, although it has a class: a pipe must not make a copy of it.
        const own = param.type === TaskParam.context ? { ...param, metatype: Object } : param;
        return await this.validated(await runPipes(value, own, pipes), param);
      } catch (error) {
        // Without the rejection as a cause: its response may contain the payload.
        throw isRejection(error) ? new SkipRetry(`invalid payload: ${rejectionMessages(error).join('; ')}`) : error;
      }
    };
  }

  /** An instance of the class was created by a pipe of the app: transforming it again could corrupt it. */
  private async validated(value: unknown, { type, metatype, data }: ParamToPipe): Promise<unknown> {
    if (!this.validator || type !== TaskParam.payload || !PayloadValidator.isPayloadClass(metatype)) return value;
    return value instanceof metatype ? value : this.validator.validate(value, metatype, data);
  }
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
