import { ContextIdFactory, ModuleRef } from '@nestjs/core';
import type { Handler, TaskContext } from '@nestjs-asynq/core';
import type { DiscoveredHandler } from '../discovery/task-handler.explorer.js';
import type { TaskPipeline } from './task-pipeline.js';

/**
 * Makes plain handlers of `@TaskHandler` methods. A provider whose dependencies are all singletons is bound once;
 * a request-scoped, durable or transient one is built for each task, and its `REQUEST` is the task's context.
 */
export class HandlerBinder {
  constructor(private readonly pipeline: TaskPipeline) {}

  bind(handler: DiscoveredHandler): Handler {
    const { provider, method } = handler;
    const isSingleton = provider.isDependencyTreeStatic() && !provider.isTransient;
    if (isSingleton) return this.pipeline.create(provider.instance, method);
    return (payload, context) => this.runInScope(handler, payload, context);
  }

  private async runInScope(
    { provider, method }: DiscoveredHandler,
    payload: unknown,
    context: TaskContext,
  ): Promise<unknown> {
    // Its own module's, so that a class of the same name in another module is not taken for it.
    const moduleRef = provider.host!.getProviderByKey<ModuleRef>(ModuleRef).instance;
    const contextId = ContextIdFactory.getByRequest(context);
    const request: unknown = provider.isDependencyTreeDurable() ? (contextId.payload ?? context) : context;
    moduleRef.registerRequestByContextId(request, contextId);
    const instance = await moduleRef.resolve<object>(provider.token as string, contextId);
    return this.pipeline.create(instance, method, { contextId, inquirerId: provider.id })(payload, context);
  }
}
