import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

/** All names that an entry exports, types included. */
const namesOf = (entry: string): string[] =>
  [...readFileSync(new URL(entry, import.meta.url), 'utf8').matchAll(/export (?:type )?\{([^}]*)\}/g)]
    .flatMap(([, list]) => list!.split(','))
    .map((name) => name.replace('type ', '').trim())
    .filter((name) => name !== '');

const ERRORS = /Error$/;

it('exports what programs need, and nothing else', () => {
  const names = namesOf('index.ts').toSorted((a, b) => a.localeCompare(b, 'en'));

  expect(names.filter((name) => !ERRORS.test(name))).toEqual([
    'CarriedFields',
    'carryFields',
    'Client',
    'ClientOptions',
    'Clock',
    'Connection',
    'defaultRetryDelay',
    'Duration',
    'EnqueuedTask',
    'EnqueueResult',
    'GroupAggregatorOptions',
    'GroupInfo',
    'Handler',
    'Inspector',
    'int64Codec',
    'jsonCodec',
    'Logger',
    'openBroker',
    'parseRedisUrl',
    'PayloadCodec',
    'PeriodicTaskConfig',
    'PeriodicTaskProvider',
    'PublishOptions',
    'QUEUE_ALARMS',
    'QueueEvent',
    'QueueEvents',
    'QueueEventsOptions',
    'QueueInfo',
    'RedisUrl',
    'RetryDelay',
    'RevokeTask',
    'ScheduleInfo',
    'Scheduler',
    'SchedulerOptions',
    'ServeMux',
    'Server',
    'ServerInfo',
    'ServerOptions',
    'ServerProblem',
    'ServerProblemOptions',
    'silentLogger',
    'SkipRetry',
    'systemClock',
    'TaskContext',
    'TaskEvent',
    'TaskFilter',
    'TaskInfo',
    'TaskOptions',
    'TaskState',
    'TaskTracing',
    'WorkerInfo',
  ]);
  expect(names.filter((name) => ERRORS.test(name))).toEqual([
    'ClosedError',
    'CronSpecError',
    'DuplicateTaskError',
    'HandlerNotFoundError',
    'InvalidOptionsError',
    'LeaseLostError',
    'MessageDecodeError',
    'MissingRightsError',
    'PayloadTooLargeError',
    'QueueError',
    'QueueNotEmptyError',
    'QueueNotFoundError',
    'RedisCommandError',
    'ScheduleNotFoundError',
    'ServerShutdownError',
    'ServerStateError',
    'TaskCanceledError',
    'TaskFailedError',
    'TaskIdConflictError',
    'TaskNotFoundError',
    'TaskStateError',
    'TaskTimeoutError',
    'UnsupportedRedisError',
    'WaitTimeoutError',
  ]);
});

it('gives tests of programs what they need, and none of the tools of our own suites', () => {
  expect(namesOf('testing/index.ts').toSorted((a, b) => a.localeCompare(b, 'en'))).toEqual([
    'AdvanceOptions',
    'AdvanceQueuesOptions',
    'assertEnqueued',
    'assertNotEnqueued',
    'asynqMatchers',
    'AsynqMatchers',
    'DrainOptions',
    'EnqueuedMatch',
    'EnqueuedSource',
    'ExpectedTask',
    'FakeClock',
    'LeftTask',
    'RecordedTask',
    'runTask',
    'RunTaskOptions',
    'RunTaskSetting',
    'TaskFailure',
    'TaskRecorder',
    'TaskRecorderOptions',
    'TaskRun',
    'TestQueues',
    'TestQueuesOptions',
    'TestRun',
  ]);
});

it('exports no name from both of its entries', () => {
  const names = namesOf('index.ts');

  expect(namesOf('internal.ts').filter((name) => names.includes(name))).toEqual([]);
});
