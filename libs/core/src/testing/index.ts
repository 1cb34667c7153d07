/** Entry `@nestjs-asynq/core/testing`: queues in memory, a clock that tests move, and what tests ask of them. */
export { type AdvanceOptions, FakeClock } from './fake-clock.js';
export { type AdvanceQueuesOptions, type DrainOptions, TestQueues, type TestQueuesOptions } from './test-queues.js';
export type { LeftTask, TaskFailure, TestRun } from './test-run.js';
export type { RecordedTask } from './recorded-task.js';
export { TaskRecorder, type TaskRecorderOptions } from './task-recorder.js';
export type { EnqueuedMatch, EnqueuedSource, ExpectedTask } from './enqueued-match.js';
export { assertEnqueued, assertNotEnqueued } from './assert-enqueued.js';
export { type AsynqMatchers, asynqMatchers } from './matchers.js';
export { runTask, type RunTaskOptions, type RunTaskSetting, type TaskRun } from './run-task.js';
