/**
 * Types that occur in the signatures of public names. Few programs name them, but a compiler that writes declarations must be
 * able to: test/e2e/public-types.e2e-spec.ts finds those that are missing here.
 */
export type { Broker } from './broker/contract/broker.js';
export type { ClusterNode, StoreNode } from './broker/contract/health.js';
export type { MemoryConnection } from './broker/connection.js';
export type { OpenBrokerOptions } from './broker/open-broker.js';
export type {
  ClientConnection,
  ClusterConnection,
  RedisClient,
  RedisConnection,
  SentinelConnection,
  UrlConnection,
} from './broker/redis/redis-connection.js';
export type { RedisAddress, RedisPlace } from './broker/redis/redis-url.js';
export type { EnqueueItem } from './client/enqueue-options.js';
export type { OptionProblem } from './errors/invalid-options.error.js';
export type { BulkOptions, BulkProgress } from './inspector/bulk-options.js';
export type { SchedulerEntry, SchedulerEvent } from './inspector/fleet-info.js';
export type {
  GroupOption,
  MatchingOptions,
  Paging,
  QueueInfoOptions,
  UnansweredOption,
} from './inspector/inspector.js';
export type { DailyStats } from './inspector/queue-info.js';
export type { CancelReply } from './inspector/task-canceler.js';
export type { TaskBackoff, TaskProgress } from './inspector/task-info.js';
export type { TaskMoveOptions } from './inspector/task-mover.js';
export type { FoundTasks, TaskSearch } from './inspector/task-search.js';
export type { PeriodicTaskOptions } from './scheduler/periodic-options.js';
export type { PlannedTask } from './scheduler/scheduler.js';
export type {
  Aggregate,
  AggregatedTask,
  AggregationContext,
  GroupedTask,
  GroupOverrides,
} from './server/groups/group-aggregator.js';
export type { ErrorHandler } from './server/run/running/attempt.js';
export type { HandlerOptions, Middleware, Route } from './server/run/running/serve-mux.js';
export type { QueueOptions } from './server/server-options.js';
export type { BackoffOptions } from './task/backoff.js';
export type { ArchiveReason, TaskEventBase, TaskEventListener } from './task/task-event.js';
export type { TaskEnd, TaskHandle, WaitOptions } from './task/task-handle.js';
export type { UniqueOptions } from './task/task-options.js';
export type { CancelOutcome } from './wire/cancel-record.js';
export type { ServerStatus } from './wire/server-info.js';
export type {
  AggregationTrace,
  AttemptTrace,
  EnqueueTrace,
  GroupMember,
  TaskTracer,
  TracedOutcome,
  TracedPlace,
} from './task/task-tracing.js';
export type { FieldService, FieldStorage } from './task/carried-fields.js';
export type { MissedEvents } from './task/queue-event.js';
export type { NewTask } from './broker/contract/enqueue.js';
export type { QueueEventStream, ReadEventsOptions } from './events/queue-events.js';
export type { TaskMessage } from './wire/task-message.js';
export type { TimerPurpose } from './runtime/clock.js';
