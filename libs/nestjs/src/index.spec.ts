import { readFileSync } from 'node:fs';
import * as core from '@nestjs-asynq/core';
import { expect, it } from 'vitest';
import * as passedOn from './core.js';
import * as nest from './index.js';

/** Types included: all names that the entry exports. */
const names = [...readFileSync(new URL('index.ts', import.meta.url), 'utf8').matchAll(/export (?:type )?\{([^}]*)\}/g)]
  .flatMap(([, list]) => list!.split(','))
  .map((name) => name.replace('type ', '').trim())
  .filter((name) => name !== '');

it('exports what apps need, and nothing else', () => {
  expect(names.toSorted((a, b) => a.localeCompare(b, 'en'))).toEqual([
    'AggregatedTask',
    'AsynqModule',
    'AsynqModuleOptions',
    'CarriedFields',
    'carryFields',
    'ConnectionUnavailableError',
    'Ctx',
    'DuplicateConnectionError',
    'DuplicateTaskError',
    'EnqueuedTask',
    'EnqueuedTaskOf',
    'EnqueueResult',
    'getTaskContext',
    'getTaskDistributorToken',
    'getTaskEventsToken',
    'getTaskInspectorToken',
    'getTaskQueueEventsToken',
    'getTaskSchedulerToken',
    'getTaskServerToken',
    'GroupedTask',
    'HandledPayloadOf',
    'HandlerSetupError',
    'InjectTaskDistributor',
    'InjectTaskEvents',
    'InjectTaskInspector',
    'InjectTaskQueueEvents',
    'InjectTaskScheduler',
    'InjectTaskServer',
    'InvalidOptionsError',
    'InvalidPayloadError',
    'isAsynqContext',
    'jsonCodec',
    'LeaseLostError',
    'OnTaskEvent',
    'Payload',
    'PayloadBySchema',
    'PayloadOf',
    'PayloadOptions',
    'PayloadTooLargeError',
    'PeriodicTask',
    'PeriodicTaskConfig',
    'PeriodicTaskProvider',
    'QueueError',
    'QueueEvent',
    'QueueName',
    'RedisCommandError',
    'ResultOf',
    'RevokeTask',
    'ServerShutdownError',
    'Signal',
    'SkipRetry',
    'StandardSchema',
    'TaskAggregator',
    'TaskCanceledError',
    'TaskContext',
    'TaskDistributor',
    'TaskEvent',
    'TaskEvents',
    'TaskFailedError',
    'TaskHandler',
    'TaskId',
    'TaskIdConflictError',
    'TaskInspector',
    'TaskNotFoundError',
    'TaskOptions',
    'TaskPayloads',
    'TaskQueueEvents',
    'TaskQueues',
    'TaskResults',
    'TaskScheduler',
    'TaskServer',
    'TaskStateError',
    'TaskTimeoutError',
    'TaskType',
    'TaskTyping',
    'WaitTimeoutError',
  ]);
  expect(Object.keys(nest).filter((name) => !names.includes(name))).toEqual([]);
});

it('re-exports the same classes of the core, so that apps need no dependency on it', () => {
  const shared = Object.keys(nest).filter((name) => name in core);

  const all = Object.keys(core).filter((name) => !['default', '__esModule', 'module.exports'].includes(name));
  expect(all.filter((name) => Reflect.get(passedOn, name) !== Reflect.get(core, name))).toEqual([]);
  expect(shared.filter((name) => Reflect.get(nest, name) !== Reflect.get(core, name))).toEqual([]);
  expect(shared).toContain('TaskStateError');
});
