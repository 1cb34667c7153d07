// Enqueueing tasks
export { Client, type ClientOptions, type EnqueueResult } from './client/client.js';
export type { EnqueuedTask } from './task/task-handle.js';
export type { TaskOptions } from './task/task-options.js';

// Handling tasks
export { Server } from './server/server.js';
export type { ServerOptions } from './server/server-options.js';
export type { ServerProblem, ServerProblemOptions } from './server/vital-signs.js';
export type { GroupAggregatorOptions } from './server/groups/group-aggregator.js';
export { ServeMux } from './server/run/running/serve-mux.js';
export { type Handler, TaskContext } from './task/task-context.js';
export { RevokeTask, SkipRetry } from './task/signals.js';
export { defaultRetryDelay, type RetryDelay } from './task/retry-delay.js';

// Periodic tasks
export type { PeriodicTaskConfig } from './scheduler/periodic-entry.js';
export type { PeriodicTaskProvider } from './scheduler/provider-sync.js';
export { Scheduler } from './scheduler/scheduler.js';
export type { SchedulerOptions } from './scheduler/scheduler-options.js';

// Inspecting queues
export { Inspector } from './inspector/inspector.js';
export { QUEUE_ALARMS } from './inspector/queue-alarms.js';
export type { ServerInfo, WorkerInfo } from './inspector/fleet-info.js';
export type { ScheduleInfo } from './inspector/schedule-info.js';
export type { GroupInfo, QueueInfo } from './inspector/queue-info.js';
export type { TaskFilter } from './inspector/task-search.js';
export type { TaskInfo } from './inspector/task-info.js';
export type { TaskState } from './wire/task-state.js';

// Events of all processes
export { QueueEvents, type QueueEventsOptions } from './events/queue-events.js';
export type { PublishOptions } from './events/publish-options.js';
export type { QueueEvent } from './task/queue-event.js';

// Context across processes
export { type CarriedFields, carryFields } from './task/carried-fields.js';
export type { TaskTracing } from './task/task-tracing.js';

// Shared
export type { Connection } from './broker/connection.js';
export { openBroker } from './broker/open-broker.js';
export { parseRedisUrl, type RedisUrl } from './broker/redis/redis-url.js';
export { int64Codec } from './task/int64-codec.js';
export { jsonCodec, type PayloadCodec } from './task/payload-codec.js';
export type { TaskEvent } from './task/task-event.js';
export type { Duration } from './runtime/duration.js';
export { type Logger, silentLogger } from './runtime/logger.js';
export { type Clock, systemClock } from './runtime/clock.js';

// Errors
export { QueueError } from './errors/queue-error.js';
export { ClosedError } from './errors/closed.error.js';
export { CronSpecError } from './errors/cron-spec.error.js';
export { DuplicateTaskError } from './errors/duplicate-task.error.js';
export { HandlerNotFoundError } from './errors/handler-not-found.error.js';
export { InvalidOptionsError } from './errors/invalid-options.error.js';
export { LeaseLostError } from './errors/lease-lost.error.js';
export { MessageDecodeError } from './errors/message-decode.error.js';
export { PayloadTooLargeError } from './errors/payload-too-large.error.js';
export { QueueNotEmptyError } from './errors/queue-not-empty.error.js';
export { QueueNotFoundError } from './errors/queue-not-found.error.js';
export { RedisCommandError } from './errors/redis-command.error.js';
export { ScheduleNotFoundError } from './errors/schedule-not-found.error.js';
export { ServerShutdownError, TaskCanceledError, TaskTimeoutError } from './errors/attempt-aborted.error.js';
export { MissingRightsError } from './errors/missing-rights.error.js';
export { ServerStateError } from './errors/server-state.error.js';
export { TaskFailedError } from './errors/task-failed.error.js';
export { TaskIdConflictError } from './errors/task-id-conflict.error.js';
export { TaskNotFoundError } from './errors/task-not-found.error.js';
export { TaskStateError } from './errors/task-state.error.js';
export { UnsupportedRedisError } from './errors/unsupported-redis.error.js';
export { WaitTimeoutError } from './errors/wait-timeout.error.js';

export type * from './signature-types.js';
