import { ContextIdFactory, ModuleRef } from '@nestjs/core';
import type { Handler, TaskContext } from '@nestjs-asynq/core';
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
    const { provider, method } = handler;
    const pipeline = this.makePipeline();
    const isSingleton = provider.isDependencyTreeStatic() && !provider.isTransient;
    if (isSingleton) return pipeline.create(provider.instance, method);
    return (payload, context) => runInScope(pipeline, handler, payload, context);
  }
}

async function runInScope(
  pipeline: TaskPipeline,
  { provider, method }: DiscoveredHandler,
  payload: unknown,
  context: TaskContext,
): Promise<unknown> {
  // From its own module, so that a class of the same name in another module is not used instead.
  const moduleRef = provider.host!.getProviderByKey<ModuleRef>(ModuleRef).instance;
  const contextId = ContextIdFactory.getByRequest(context);
  const request: unknown = provider.isDependencyTreeDurable() ? (contextId.payload ?? context) : context;
  moduleRef.registerRequestByContextId(request, contextId);
  const instance = await moduleRef.resolve<object>(provider.token as string, contextId);
  return pipeline.create(instance, method, { contextId, inquirerId: provider.id })(payload, context);
}
