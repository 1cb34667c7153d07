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

// What apps need of the core, so that they need not depend on it by name.
export {
  type AggregatedTask,
  type AggregationContext,
  type BulkOptions,
  type BulkProgress,
  type CancelReply,
  type CancelOutcome,
  type CatchUp,
  type Clock,
  type ClusterNode,
  type Connection,
  type DailyStats,
  defaultRetryDelay,
  type Duration,
  type EnqueuedTask,
  type EnqueueResult,
  type FoundTasks,
  type GroupAggregatorOptions,
  type GroupedTask,
  type GroupInfo,
  type GroupOption,
  jsonCodec,
  type MatchingOptions,
  type Paging,
  type PayloadCodec,
  type PeriodicTaskConfig,
  type PeriodicTaskOptions,
  type PeriodicTaskProvider,
  type PlannedTask,
  type QueueInfo,
  type RetryDelay,
  RevokeTask,
  type ScheduleInfo,
  type SchedulerEntry,
  type SchedulerEvent,
  type ServerInfo,
  SkipRetry,
  type TaskContext,
  type TaskEnd,
  type TaskEvent,
  type TaskFilter,
  type TaskHandle,
  type TaskInfo,
  type TaskMoveOptions,
  type TaskOptions,
  type TaskProgress,
  type TaskSearch,
  type TaskState,
  type UniqueOptions,
  type WaitOptions,
  type WorkerInfo,
} from '@nestjs-asynq/core';
export {
  ClosedError,
  CronSpecError,
  DuplicateTaskError,
  HandlerNotFoundError,
  InvalidOptionsError,
  LeaseLostError,
  MessageDecodeError,
  PayloadTooLargeError,
  QueueError,
  QueueNotEmptyError,
  QueueNotFoundError,
  RedisCommandError,
  ScheduleNotFoundError,
  ServerShutdownError,
  ServerStateError,
  TaskCanceledError,
  TaskFailedError,
  TaskIdConflictError,
  TaskNotFoundError,
  TaskStateError,
  TaskTimeoutError,
  WaitTimeoutError,
} from '@nestjs-asynq/core';
