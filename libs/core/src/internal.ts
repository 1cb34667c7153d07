/**
 * Entry `@nestjs-asynq/core/internal`: names shared by our own packages besides the public ones, and types that public
 * types refer to. It may change in any release.
 */
export type { EnqueueItem } from './client/enqueue-options.js';
export type { QueueEventStream, ReadEventsOptions } from './events/queue-events.js';
export type { MissedEvents, PublishedEvent, PublishedKind } from './task/queue-event.js';
export type { FieldService, FieldStorage } from './task/carried-fields.js';
export type { TaskTracer, TracedPlace } from './task/task-tracing.js';
export type { TaskEnd, TaskHandle, WaitOptions } from './task/task-handle.js';
export type { UniqueOptions } from './task/task-options.js';
export type { BackoffOptions } from './task/backoff.js';
export { MOST_PARTITIONS, placeOf } from './partitions/partition-name.js';
export { type QueueOptions, SERVER_OPTION_NAMES } from './server/server-options.js';
export type {
  Aggregate,
  AggregatedTask,
  AggregationContext,
  GroupedTask,
  GroupLimitOptions,
  GroupOverrides,
} from './server/groups/group-aggregator.js';
export type { HandlerOptions, Middleware } from './server/run/running/serve-mux.js';
export type { CatchUp } from './broker/contract/schedules.js';
export { parseCronSpec, type CronSpecOptions } from './cron/cron-spec.js';
export type { PeriodicTaskOptions } from './scheduler/periodic-options.js';
export type { PlannedTask } from './scheduler/scheduler.js';
export type { TickTimes } from './cron/tick-times.js';
export type {
  GroupOption,
  InspectorOptions,
  MatchingOptions,
  Paging,
  UnansweredOption,
} from './inspector/inspector.js';
export type { BulkOptions, BulkProgress } from './inspector/bulk-options.js';
export type { SchedulerEntry, SchedulerEvent } from './inspector/fleet-info.js';
export type { DailyStats } from './inspector/queue-info.js';
export type { FoundTasks, TaskSearch } from './inspector/task-search.js';
export type { CancelReply } from './inspector/task-canceler.js';
export type { TaskMoveOptions } from './inspector/task-mover.js';
export type { Broker } from './broker/contract/broker.js';
export type { ClusterNode, StoreNode } from './broker/contract/health.js';
export type { CancelOutcome } from './wire/cancel-record.js';
export type { TaskBackoff, TaskProgress } from './inspector/task-info.js';
export { isMemory } from './broker/connection.js';
export { isBroker, type OpenBrokerOptions } from './broker/open-broker.js';
export { type ArchiveReason, TASK_EVENT_KINDS, type TaskEventListener } from './task/task-event.js';
export { consoleLogger, guardLogger } from './runtime/logger.js';
export { errorText } from './errors/error-text.js';
export { TASK_STATES } from './wire/task-state.js';
export { callGuarded } from './runtime/user-callback.js';
export { LONGEST_TIMER_MS } from './runtime/clock.js';
export { unlessAborted } from './runtime/abort.js';
export { resultWithin } from './runtime/within.js';
export { TimeSlice } from './runtime/time-slice.js';
export { isRecord } from './runtime/is-record.js';
export { OptionReader } from './runtime/option-reader.js';
export { checkDecoded, encodeWith, undecodable } from './task/payload-codec.js';
export type { OptionProblem } from './errors/invalid-options.error.js';
