/**
 * Types that occur in the signatures of public names. Few apps name them, but a compiler that writes declarations must be able
 * to: test/e2e/public-types.e2e-spec.ts finds those that are missing here. Those of the core are in `nestjs-asynq/core`.
 */
export type { AsynqModuleExtras } from './asynq.module-definition.js';
export type { ConnectOptions, EnhancerOptions, SchedulerModuleOptions } from './asynq.options.js';
export type { OnTaskEventDecorator, OnTaskEventOptions } from './decorators/on-task-event.decorator.js';
export type { InjectDecorator } from './decorators/inject.decorator.js';
export type { PeriodicHandlerOptions, PeriodicTaskDecoratorOptions } from './decorators/periodic-task.decorator.js';
export type { TaskAggregatorDecorator, TaskAggregatorOptions } from './decorators/task-aggregator.decorator.js';
export type { TaskHandlerDecorator, TaskHandlerOptions } from './decorators/task-handler.decorator.js';
export type { Pipe } from './decorators/task-params.decorator.js';
export type { DiscoveredHandler } from './discovery/task-handler.explorer.js';
export type { UnknownQueues } from './distributor/enqueue-guard.js';
export type { EnqueueArguments, EnqueueItem, UncheckedItem } from './distributor/task-distributor.service.js';
export type { TaskWithResult } from './distributor/task-payloads.js';
export type { PayloadValidationOptions } from './handling/payload-validator.js';
export type { SubscribeArguments, TaskEventOf } from './lifecycle/task-events.js';
export type { TaskServerState } from './lifecycle/task-server.js';
export type { MarkedMethod } from './decorators/method-marks.js';
export type { TaskHandlerMetadata } from './decorators/task-handler.decorator.js';
export type { QueueEventMessage } from './lifecycle/task-queue-events.js';
export type { SchemaIssue, SchemaResult } from './handling/standard-schema.js';
