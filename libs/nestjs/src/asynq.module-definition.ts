import { ConfigurableModuleBuilder, type DynamicModule, type Provider, type ValueProvider } from '@nestjs/common';
import { HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { AsynqCoreModule, loggerFor } from './asynq.core-module.js';
import { type AsynqModuleOptions, type AsynqSettings, readConnectionName } from './asynq.options.js';
import { getTaskSchedulerToken, getTaskServerToken, GIVEN_OPTIONS, internalToken } from './asynq.tokens.js';
import type { TaskEventMethods } from './discovery/task-event-methods.js';
import { appKindOf, worksIn } from './lifecycle/app-kind.js';
import { DestroyOrder } from './lifecycle/destroy-order.js';
import { ServerLifecycle } from './lifecycle/server.lifecycle.js';
import type { TaskServer } from './lifecycle/task-server.js';
import type { PeriodicTasks } from './scheduler/periodic-tasks.js';
import { SchedulerLifecycle } from './scheduler/scheduler.lifecycle.js';
import type { TaskScheduler } from './scheduler/task-scheduler.service.js';

/** Options that must be known before any factory runs, and are therefore given next to `useFactory`. */
export interface AsynqModuleExtras {
  /** Name of the connection, for apps with several. Default `'default'`. */
  readonly name?: string | undefined;
}

export const { ConfigurableModuleClass } = new ConfigurableModuleBuilder<AsynqModuleOptions>({
  optionsInjectionToken: GIVEN_OPTIONS,
})
  .setClassMethodName('forRoot')
  .setFactoryMethodName('createAsynqOptions')
  .setExtras<AsynqModuleExtras>({ name: undefined }, (definition, extras) =>
    withConnection(definition, readConnectionName(extras.name)),
  )
  .build();

/** Two layers: a global module for the connection, inside a module that is not global and starts and stops server and scheduler. */
function withConnection(definition: DynamicModule, name: string): DynamicModule {
  const { module, imports, providers } = definition;
  return {
    module,
    imports: [
      AsynqCoreModule.forConnection(name, { imports: imports ?? [], providers: (providers ?? []).map(hideValue) }),
    ],
    providers: [
      {
        provide: internalToken('server-lifecycle', name),
        useFactory: (
          server: TaskServer,
          settings: AsynqSettings,
          eventMethods: TaskEventMethods,
          modules: ModulesContainer,
          adapterHost: HttpAdapterHost,
        ) => {
          const order = new DestroyOrder(modules, internalToken('server-lifecycle', name));
          const isWorker = (): boolean => worksIn(appKindOf(modules, adapterHost), settings, settings.isWorkAsked);
          return new ServerLifecycle(
            server,
            settings,
            eventMethods,
            order,
            isWorker,
            loggerFor('AsynqServer', settings),
          );
        },
        inject: [
          getTaskServerToken(name),
          internalToken('settings', name),
          internalToken('event-methods', name),
          ModulesContainer,
          HttpAdapterHost,
        ],
      },
      {
        provide: internalToken('scheduler-lifecycle', name),
        useFactory: (
          scheduler: TaskScheduler,
          periodicTasks: PeriodicTasks,
          settings: AsynqSettings,
          modules: ModulesContainer,
          adapterHost: HttpAdapterHost,
        ) => {
          const mayFire = (): boolean => worksIn(appKindOf(modules, adapterHost), settings, settings.isScheduleAsked);
          const logger = loggerFor('AsynqScheduler', settings);
          return new SchedulerLifecycle(scheduler, periodicTasks, settings, mayFire, logger);
        },
        inject: [
          getTaskSchedulerToken(name),
          internalToken('periodic-tasks', name),
          internalToken('settings', name),
          ModulesContainer,
          HttpAdapterHost,
        ],
      },
    ],
  };
}

/** Options of `forRoot` in a closure: the module is often logged as a part of a module's metadata. */
function hideValue(provider: Provider): Provider {
  if (typeof provider === 'function' || !('useValue' in provider)) return provider;
  const { provide, useValue } = provider as ValueProvider<unknown>;
  return { provide, useFactory: () => useValue };
}
