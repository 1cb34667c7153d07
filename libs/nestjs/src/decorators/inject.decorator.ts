import { Inject } from '@nestjs/common';
import {
  getTaskDistributorToken,
  getTaskEventsToken,
  getTaskInspectorToken,
  getTaskQueueEventsToken,
  getTaskSchedulerToken,
  getTaskServerToken,
} from '../asynq.tokens.js';

/** The type of `@Inject()`: for constructor parameters and properties. */
export type InjectDecorator = PropertyDecorator & ParameterDecorator;

/** Injects the `TaskDistributor` of a named connection; without a name the same as injecting the class. */
export const InjectTaskDistributor = (name?: string): InjectDecorator => Inject(getTaskDistributorToken(name));

/** Injects the `TaskInspector` of a named connection; without a name the same as injecting the class. */
export const InjectTaskInspector = (name?: string): InjectDecorator => Inject(getTaskInspectorToken(name));

/** Injects the `TaskEvents` of a named connection; without a name the same as injecting the class. */
export const InjectTaskEvents = (name?: string): InjectDecorator => Inject(getTaskEventsToken(name));

/** Injects the `TaskScheduler` of a named connection; without a name the same as injecting the class. */
export const InjectTaskScheduler = (name?: string): InjectDecorator => Inject(getTaskSchedulerToken(name));

/** Injects the `TaskServer` of a named connection; without a name the same as injecting the class. */
export const InjectTaskServer = (name?: string): InjectDecorator => Inject(getTaskServerToken(name));

/** Injects the `TaskQueueEvents` of a named connection; without a name the same as injecting the class. */
export const InjectTaskQueueEvents = (name?: string): InjectDecorator => Inject(getTaskQueueEventsToken(name));
