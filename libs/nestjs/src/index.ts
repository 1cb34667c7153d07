import 'reflect-metadata';

// Everything an app needs to enqueue and handle tasks. The rest of the core is in `nestjs-asynq/core`.
export { AsynqModule } from './asynq.module.js';
export type { AsynqModuleOptions } from './asynq.options.js';
export {
  getTaskDistributorToken,
  getTaskEventsToken,
  getTaskInspectorToken,
  getTaskQueueEventsToken,
  getTaskSchedulerToken,
  getTaskServerToken,
} from './asynq.tokens.js';
export {
  InjectTaskDistributor,
  InjectTaskEvents,
  InjectTaskInspector,
  InjectTaskQueueEvents,
  InjectTaskScheduler,
  InjectTaskServer,
} from './decorators/inject.decorator.js';
export { OnTaskEvent } from './decorators/on-task-event.decorator.js';
export { PeriodicTask } from './decorators/periodic-task.decorator.js';
export { TaskAggregator } from './decorators/task-aggregator.decorator.js';
export { TaskHandler } from './decorators/task-handler.decorator.js';
export { Ctx, Payload, type PayloadOptions, Signal, TaskId } from './decorators/task-params.decorator.js';
export { HandlerSetupError } from './discovery/handler-setup.error.js';
export { TaskDistributor } from './distributor/task-distributor.service.js';
export type {
  EnqueuedTaskOf,
  HandledPayloadOf,
  PayloadBySchema,
  PayloadOf,
  QueueName,
  ResultOf,
  TaskPayloads,
  TaskQueues,
  TaskResults,
  TaskType,
  TaskTyping,
} from './distributor/task-payloads.js';
export { getTaskContext, isAsynqContext } from './handling/asynq-context.js';
export { InvalidPayloadError } from './handling/invalid-payload.error.js';
export type { StandardSchema } from './handling/standard-schema.js';
export { TaskInspector } from './inspector/task-inspector.service.js';
export { ConnectionUnavailableError, DuplicateConnectionError } from './lifecycle/connection.errors.js';
export { TaskEvents } from './lifecycle/task-events.js';
export { TaskQueueEvents } from './lifecycle/task-queue-events.js';
export { TaskServer } from './lifecycle/task-server.js';
export { TaskScheduler } from './scheduler/task-scheduler.service.js';

export {
  type CarriedFields,
  carryFields,
  DuplicateTaskError,
  type EnqueuedTask,
  type EnqueueResult,
  InvalidOptionsError,
  jsonCodec,
  LeaseLostError,
  PayloadTooLargeError,
  type PeriodicTaskConfig,
  type PeriodicTaskProvider,
  QueueError,
  type QueueEvent,
  RedisCommandError,
  RevokeTask,
  ServerShutdownError,
  SkipRetry,
  TaskCanceledError,
  TaskContext,
  type TaskEvent,
  TaskFailedError,
  TaskIdConflictError,
  TaskNotFoundError,
  type TaskOptions,
  TaskStateError,
  TaskTimeoutError,
  WaitTimeoutError,
} from '@nestjs-asynq/core';
export type { AggregatedTask, GroupedTask } from '@nestjs-asynq/core/internal';

export type * from './signature-types.js';
