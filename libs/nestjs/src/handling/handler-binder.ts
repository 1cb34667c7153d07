import { type ContextId, ContextIdFactory } from '@nestjs/core';
import { REQUEST_CONTEXT_ID } from '@nestjs/core/router/request/request-constants.js';
import type { Handler, TaskContext } from '@nestjs-asynq/core';
import { isSingleton, moduleRefOf } from '../discovery/providers.js';
import type { DiscoveredHandler } from '../discovery/task-handler.explorer.js';
import type { TaskPipeline } from './task-pipeline.js';

/**
 * Makes plain handlers of `@TaskHandler` methods. A provider whose dependencies are all singletons is bound once;
 * a request-scoped, durable or transient one is built for each task, and its `REQUEST` is the task's context.
 */
export class HandlerBinder {
  /** @param makePipeline called once for each handler: a pipeline must not serve two methods */
  constructor(private readonly makePipeline: () => TaskPipeline) {}

  bind(handler: DiscoveredHandler): Handler {
    const { provider, method, source } = handler;
    const pipeline = this.makePipeline();
    if (isSingleton(provider)) return pipeline.create(provider.instance, method, source);
    return (payload, context) => runInScope(pipeline, handler, payload, context);
  }
}

async function runInScope(
  pipeline: TaskPipeline,
  handler: DiscoveredHandler,
  payload: unknown,
  context: TaskContext,
): Promise<unknown> {
  const { provider, method, source } = handler;
  const moduleRef = moduleRefOf(provider);
  const contextId = ContextIdFactory.getByRequest(context);
  rememberContextId(context, contextId);
  const request: unknown = provider.isDependencyTreeDurable() ? (contextId.payload ?? context) : context;
  moduleRef.registerRequestByContextId(request, contextId);
  const instance = await moduleRef.resolve<object>(provider.token as string, contextId);
  const perTask = { contextId, inquirerId: provider.id };
  return pipeline.create(instance, method, source, perTask)(payload, context);
}

/** As Nest does with HTTP requests: `ContextIdFactory.getByRequest(REQUEST)` then leads to the providers of this task. */
function rememberContextId(context: TaskContext, contextId: ContextId): void {
  Object.defineProperty(context, REQUEST_CONTEXT_ID, { value: contextId, configurable: true });
}
