import 'reflect-metadata';

export { AsynqModule } from './asynq.module.js';
export type { AsynqModuleExtras } from './asynq.module-definition.js';
export type { AsynqModuleOptions, ConnectOptions, EnhancerOptions, SchedulerModuleOptions } from './asynq.options.js';
export {
  getTaskDistributorToken,
  getTaskEventsToken,
  getTaskInspectorToken,
  getTaskSchedulerToken,
  getTaskServerToken,
} from './asynq.tokens.js';
export {
  InjectTaskDistributor,
  InjectTaskEvents,
  InjectTaskInspector,
  InjectTaskScheduler,
  InjectTaskServer,
} from './decorators/inject.decorator.js';
export {
  type PeriodicHandlerOptions,
  PeriodicTask,
  type PeriodicTaskDecoratorOptions,
} from './decorators/periodic-task.decorator.js';
export {
  TaskAggregator,
  type TaskAggregatorDecorator,
  type TaskAggregatorOptions,
} from './decorators/task-aggregator.decorator.js';
export { TaskHandler, type TaskHandlerOptions } from './decorators/task-handler.decorator.js';
export { Ctx, Payload, Signal, TaskId } from './decorators/task-params.decorator.js';
export { HandlerSetupError } from './discovery/handler-setup.error.js';
export { type EnqueueArguments, type EnqueueItem, TaskDistributor } from './distributor/task-distributor.service.js';
export type { PayloadOf, TaskPayloads, TaskType } from './distributor/task-payloads.js';
export { type AsynqContextType, getTaskContext, isAsynqContext } from './handling/asynq-context.js';
export type { PayloadValidationOptions } from './handling/payload-validator.js';
export { InvalidPayloadError } from './handling/invalid-payload.error.js';
export { TaskInspector } from './inspector/task-inspector.service.js';
export { ConnectionUnavailableError, DuplicateConnectionError } from './lifecycle/connection.errors.js';
export { TaskScheduler } from './scheduler/task-scheduler.service.js';
export { TaskEvents, type TaskEventOf } from './lifecycle/task-events.js';
export { TaskServer, type TaskServerState } from './lifecycle/task-server.js';

// What handlers and callers of the distributor and the inspector need of the core.
export {
  type AggregatedTask,
  type AggregationContext,
  type Connection,
  type Duration,
  DuplicateTaskError,
  type EnqueuedTask,
  type EnqueueResult,
  type GroupAggregatorOptions,
  type GroupedTask,
  type FoundTasks,
  InvalidOptionsError,
  type PeriodicTaskConfig,
  type PeriodicTaskOptions,
  type PeriodicTaskProvider,
  QueueError,
  type QueueInfo,
  type ScheduleInfo,
  ScheduleNotFoundError,
  QueueNotEmptyError,
  QueueNotFoundError,
  RevokeTask,
  SkipRetry,
  type TaskContext,
  type TaskEnd,
  type TaskEvent,
  TaskFailedError,
  type TaskFilter,
  type TaskHandle,
  TaskIdConflictError,
  type TaskInfo,
  TaskNotFoundError,
  type TaskOptions,
  type TaskSearch,
  TaskStateError,
  type WaitOptions,
  WaitTimeoutError,
} from '@nestjs-asynq/core';
