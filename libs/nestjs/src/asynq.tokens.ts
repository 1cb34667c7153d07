import type { InjectionToken } from '@nestjs/common';
import { DEFAULT_CONNECTION } from './asynq.options.js';
import { TaskDistributor } from './distributor/task-distributor.service.js';
import { TaskInspector } from './inspector/task-inspector.service.js';
import { TaskEvents } from './lifecycle/task-events.js';
import { TaskQueueEvents } from './lifecycle/task-queue-events.js';
import { TaskServer } from './lifecycle/task-server.js';
import { TaskScheduler } from './scheduler/task-scheduler.service.js';

/** The options passed to `forRoot`, or returned by the factory of `forRootAsync`, not yet validated. */
export const GIVEN_OPTIONS = Symbol('asynq:given-options');

/** The name of the connection that a module defines; distinguishes the modules of several connections. */
export const CONNECTION_NAME = Symbol('asynq:connection-name');

/** Parts of a connection that stay inside this package. */
type InternalPart =
  | 'settings'
  | 'broker'
  | 'client'
  | 'validator'
  | 'handlers'
  | 'payload-check'
  | 'aggregators'
  | 'connection-lifecycle'
  | 'enqueue-guard'
  | 'event-methods'
  | 'server-lifecycle'
  | 'periodic-tasks'
  | 'scheduler-lifecycle';

export const internalToken = (part: InternalPart, name: string): InjectionToken => `asynq:${part}:${name}`;

/** Token of the {@link TaskDistributor} of a named connection: the class itself for the default one. */
export const getTaskDistributorToken = (name: string = DEFAULT_CONNECTION): InjectionToken<TaskDistributor> =>
  name === DEFAULT_CONNECTION ? TaskDistributor : `asynq:TaskDistributor:${name}`;

/** Token of the {@link TaskInspector} of a named connection: the class itself for the default one. */
export const getTaskInspectorToken = (name: string = DEFAULT_CONNECTION): InjectionToken<TaskInspector> =>
  name === DEFAULT_CONNECTION ? TaskInspector : `asynq:TaskInspector:${name}`;

/** Token of the {@link TaskEvents} of a named connection: the class itself for the default one. */
export const getTaskEventsToken = (name: string = DEFAULT_CONNECTION): InjectionToken<TaskEvents> =>
  name === DEFAULT_CONNECTION ? TaskEvents : `asynq:TaskEvents:${name}`;

/** Token of the {@link TaskQueueEvents} of a named connection: the class itself for the default one. */
export const getTaskQueueEventsToken = (name: string = DEFAULT_CONNECTION): InjectionToken<TaskQueueEvents> =>
  name === DEFAULT_CONNECTION ? TaskQueueEvents : `asynq:TaskQueueEvents:${name}`;

/** Token of the {@link TaskServer} of a named connection: the class itself for the default one. */
export const getTaskServerToken = (name: string = DEFAULT_CONNECTION): InjectionToken<TaskServer> =>
  name === DEFAULT_CONNECTION ? TaskServer : `asynq:TaskServer:${name}`;

/** Token of the {@link TaskScheduler} of a named connection: the class itself for the default one. */
export const getTaskSchedulerToken = (name: string = DEFAULT_CONNECTION): InjectionToken<TaskScheduler> =>
  name === DEFAULT_CONNECTION ? TaskScheduler : `asynq:TaskScheduler:${name}`;
