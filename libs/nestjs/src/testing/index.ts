import 'reflect-metadata';

/** Entry `nestjs-asynq/testing`: queues in memory and a clock that tests move, without a dependency on the core. */
export {
  AsynqTestingModule,
  type AsynqTestingMode,
  type AsynqTestingOptions,
  getTestQueuesToken,
  type OverridableBuilder,
} from './asynq-testing.module.js';
export { RecordingTaskDistributor, type RecordingTaskDistributorOptions } from './recording-task-distributor.js';
export { runTask, type RunHandlerOptions } from './run-task.js';
export {
  type AdvanceOptions,
  type AdvanceQueuesOptions,
  assertEnqueued,
  assertNotEnqueued,
  type AsynqMatchers,
  asynqMatchers,
  type DrainOptions,
  type EnqueuedMatch,
  type EnqueuedSource,
  type ExpectedTask,
  FakeClock,
  type LeftTask,
  type RecordedTask,
  type RunTaskOptions,
  type TaskFailure,
  TaskRecorder,
  type TaskRecorderOptions,
  type TaskRun,
  type TestRun,
  TestQueues,
  type TestQueuesOptions,
} from '@nestjs-asynq/core/testing';
