import { type DynamicModule, type FactoryProvider, type InjectionToken, Module, type Provider } from '@nestjs/common';
import {
  DiscoveryModule,
  DiscoveryService,
  HttpAdapterHost,
  MetadataScanner,
  ModuleRef,
  ModulesContainer,
} from '@nestjs/core';
import { Client, jsonCodec, type Logger, openBroker, type SchedulerOptions } from '@nestjs-asynq/core';
import { type Broker, guardLogger } from '@nestjs-asynq/core/internal';
import {
  asModuleOptions,
  type AsynqModuleOptions,
  type AsynqSettings,
  DEFAULT_CONNECTION,
  readModuleOptions,
} from './asynq.options.js';
import {
  CONNECTION_NAME,
  getTaskDistributorToken,
  getTaskEventsToken,
  getTaskInspectorToken,
  getTaskQueueEventsToken,
  getTaskSchedulerToken,
  getTaskServerToken,
  GIVEN_OPTIONS,
  internalToken,
} from './asynq.tokens.js';
import { TaskAggregators } from './discovery/task-aggregators.js';
import { PeriodicTaskExplorer } from './discovery/periodic-task.explorer.js';
import { TaskHandlerExplorer } from './discovery/task-handler.explorer.js';
import { TaskEventMethods } from './discovery/task-event-methods.js';
import { TaskHandlers } from './discovery/task-handlers.js';
import { EnqueueGuard } from './distributor/enqueue-guard.js';
import { TaskDistributor } from './distributor/task-distributor.service.js';
import { HandlerBinder } from './handling/handler-binder.js';
import { PayloadCheck } from './handling/payload-check.js';
import { PayloadValidator } from './handling/payload-validator.js';
import { TaskPipeline } from './handling/task-pipeline.js';
import { TaskInspector } from './inspector/task-inspector.service.js';
import { appKindOf } from './lifecycle/app-kind.js';
import { ConnectionLifecycle, type ConnectionLifecycleDeps } from './lifecycle/connection.lifecycle.js';
import { NestLogAdapter } from './lifecycle/nest-logger.js';
import { TaskEvents } from './lifecycle/task-events.js';
import { TaskQueueEvents } from './lifecycle/task-queue-events.js';
import { TaskServer } from './lifecycle/task-server.js';
import { PeriodicTasks } from './scheduler/periodic-tasks.js';
import { TaskScheduler } from './scheduler/task-scheduler.service.js';

/**
 * All parts of one connection except the start and stop of the server. Global, so that its distributor can be injected
 * anywhere, and so that it closes after every other module.
 */
@Module({})
export class AsynqCoreModule {
  /** @param given provides `GIVEN_OPTIONS`, with the required imports */
  static forConnection(name: string, given: Pick<DynamicModule, 'imports' | 'providers'>): DynamicModule {
    return {
      module: AsynqCoreModule,
      global: true,
      imports: [DiscoveryModule, ...(given.imports ?? [])],
      providers: [...(given.providers ?? []), ...connectionProviders(name)],
      exports: [
        getTaskDistributorToken(name),
        getTaskInspectorToken(name),
        getTaskEventsToken(name),
        getTaskQueueEventsToken(name),
        getTaskSchedulerToken(name),
        getTaskServerToken(name),
        internalToken('settings', name),
        internalToken('event-methods', name),
        internalToken('periodic-tasks', name),
      ],
    };
  }
}

/** `AsynqServer`, or `AsynqServer:billing` on a named connection. */
export function loggerFor(part: string, { name }: AsynqSettings): Logger {
  return guardLogger(new NestLogAdapter(name === DEFAULT_CONNECTION ? part : `${part}:${name}`));
}

function connectionProviders(name: string): Provider[] {
  const settings = internalToken('settings', name);
  const broker = internalToken('broker', name);
  const client = internalToken('client', name);
  const validator = internalToken('validator', name);
  const handlers = internalToken('handlers', name);
  const payloadCheck = internalToken('payload-check', name);
  const aggregators = internalToken('aggregators', name);
  const periodicTasks = internalToken('periodic-tasks', name);
  const guard = internalToken('enqueue-guard', name);
  const events = getTaskEventsToken(name);
  const eventMethods = internalToken('event-methods', name);
  const queueEvents = getTaskQueueEventsToken(name);
  return [
    { provide: CONNECTION_NAME, useValue: name },
    {
      provide: settings,
      useFactory: (given: AsynqModuleOptions) => readModuleOptions(name, given),
      inject: [GIVEN_OPTIONS],
    },
    { provide: broker, useFactory: makeBroker, inject: [settings] },
    {
      provide: events,
      useFactory: (own: AsynqSettings) => new TaskEvents(loggerFor('AsynqEvents', own)),
      inject: [settings],
    },
    { provide: client, useFactory: makeClient, inject: [settings, broker, events] },
    { provide: validator, useFactory: loadValidator, inject: [settings] },
    { provide: handlers, useFactory: makeHandlers, inject: [settings, DiscoveryService, MetadataScanner] },
    { provide: payloadCheck, useFactory: makePayloadCheck, inject: [settings, handlers, validator, ModuleRef] },
    {
      provide: aggregators,
      useFactory: (own: AsynqSettings, discovery: DiscoveryService, scanner: MetadataScanner) =>
        new TaskAggregators(own.name, discovery, scanner),
      inject: [settings, DiscoveryService, MetadataScanner],
    },
    { provide: guard, useFactory: makeGuard, inject: [settings, broker] },
    {
      provide: getTaskDistributorToken(name),
      useFactory: makeDistributor,
      inject: [settings, client, payloadCheck, guard],
    },
    { provide: getTaskInspectorToken(name), useFactory: makeInspector, inject: [settings, broker] },
    { provide: queueEvents, useFactory: makeQueueEvents, inject: [settings, broker] },
    {
      provide: getTaskServerToken(name),
      useFactory: makeServer,
      inject: [settings, broker, handlers, aggregators, events, validator, ModuleRef],
    },
    { provide: getTaskSchedulerToken(name), useFactory: makeScheduler, inject: [settings, broker, events] },
    {
      provide: periodicTasks,
      useFactory: makePeriodicTasks,
      inject: [settings, getTaskSchedulerToken(name), guard, DiscoveryService, MetadataScanner],
    },
    {
      provide: eventMethods,
      useFactory: (own: AsynqSettings, discovery: DiscoveryService, stream: TaskEvents) =>
        new TaskEventMethods(own.name, discovery, stream, loggerFor('AsynqEvents', own)),
      inject: [settings, DiscoveryService, events],
    },
    {
      provide: internalToken('connection-lifecycle', name),
      ...byName(makeLifecycle, {
        settings,
        broker,
        client,
        handlers,
        aggregators,
        periodicTasks,
        events,
        eventMethods,
        queueEvents,
        server: getTaskServerToken(name),
        moduleRef: ModuleRef,
        modules: ModulesContainer,
        adapterHost: HttpAdapterHost,
      }),
    },
  ];
}

function makeBroker(settings: AsynqSettings): Broker {
  return openBroker(settings.connection, { clock: settings.clock, logger: loggerFor('AsynqConnection', settings) });
}

function makeClient(settings: AsynqSettings, broker: Broker, events: TaskEvents): Client {
  return new Client({
    ...settings.client,
    connection: broker,
    clock: settings.clock,
    codec: settings.codec,
    onEvent: events.listener,
    logger: loggerFor('AsynqClient', settings),
  });
}

async function loadValidator(settings: AsynqSettings): Promise<PayloadValidator | undefined> {
  if (settings.validation === false) return undefined;
  const validator = await PayloadValidator.load(settings.validation);
  if (validator instanceof PayloadValidator) return validator;
  const isWanted =
    settings.validateOnEnqueue || Object.keys(settings.validation).length > 0 || validator.missing.length === 1;
  const message = `payload classes are not validated: ${validator.missing.join(' and ')} cannot be found`;
  loggerFor('AsynqModule', settings)[isWanted ? 'warn' : 'debug'](message);
  return undefined;
}

function makeHandlers(settings: AsynqSettings, discovery: DiscoveryService, scanner: MetadataScanner): TaskHandlers {
  return new TaskHandlers(
    settings.name,
    new TaskHandlerExplorer(discovery, scanner),
    loggerFor('AsynqHandlers', settings),
    settings.validation !== false,
  );
}

function makePayloadCheck(
  settings: AsynqSettings,
  handlers: TaskHandlers,
  validator: PayloadValidator | undefined,
  moduleRef: ModuleRef,
): PayloadCheck {
  return new PayloadCheck(handlers, pipelinesFor(settings, validator, moduleRef), settings.codec ?? jsonCodec);
}

function makeDistributor(
  settings: AsynqSettings,
  client: Client,
  check: PayloadCheck,
  guard: EnqueueGuard,
): TaskDistributor {
  return new TaskDistributor(client, settings.validateOnEnqueue ? check : undefined, guard);
}

function makeGuard(settings: AsynqSettings, broker: Broker): EnqueueGuard {
  const { queues } = settings.server;
  return new EnqueueGuard({
    unknownQueues: settings.unknownQueues,
    declared: queues && Object.keys(queues),
    defaultQueue: settings.client.defaults?.queue ?? 'default',
    codec: settings.codec,
    servedQueues: async () => (await broker.shownServers()).flatMap(({ server }) => Object.keys(server.queues)),
    logger: loggerFor('AsynqModule', settings),
  });
}

function pipelinesFor(
  { enhancers, validation }: AsynqSettings,
  validator: PayloadValidator | undefined,
  moduleRef: ModuleRef,
): () => TaskPipeline {
  return () => new TaskPipeline(moduleRef, enhancers, validator, validation !== false);
}

function makeInspector(settings: AsynqSettings, broker: Broker): TaskInspector {
  const { clock, codec } = settings;
  return new TaskInspector({ connection: broker, clock, codec, logger: loggerFor('AsynqInspector', settings) });
}

function makeQueueEvents(settings: AsynqSettings, broker: Broker): TaskQueueEvents {
  const { clock } = settings;
  return new TaskQueueEvents({ connection: broker, clock, logger: loggerFor('AsynqQueueEvents', settings) });
}

function makeServer(
  settings: AsynqSettings,
  broker: Broker,
  handlers: TaskHandlers,
  aggregators: TaskAggregators,
  events: TaskEvents,
  validator: PayloadValidator | undefined,
  moduleRef: ModuleRef,
): TaskServer {
  const binder = new HandlerBinder(pipelinesFor(settings, validator, moduleRef));
  return new TaskServer({
    settings,
    broker,
    handlers,
    aggregators,
    binder,
    events,
    logger: loggerFor('AsynqServer', settings),
  });
}

function makeScheduler(settings: AsynqSettings, broker: Broker, events: TaskEvents): TaskScheduler {
  const { partitions: _, ...client } = settings.client;
  const options: SchedulerOptions = {
    ...client,
    ...(settings.scheduler || undefined),
    connection: broker,
    clock: settings.clock,
    codec: settings.codec,
    onEvent: events.listener,
    logger: loggerFor('AsynqScheduler', settings),
  };
  try {
    return new TaskScheduler(options);
  } catch (error) {
    throw asModuleOptions(error);
  }
}

function makePeriodicTasks(
  settings: AsynqSettings,
  scheduler: TaskScheduler,
  guard: EnqueueGuard,
  discovery: DiscoveryService,
  scanner: MetadataScanner,
): PeriodicTasks {
  return new PeriodicTasks(settings.name, new PeriodicTaskExplorer(discovery, scanner), scheduler, guard);
}

type LifecycleParts = Omit<ConnectionLifecycleDeps, 'isAppOfOwn' | 'logger' | 'connectionNames'> & {
  readonly modules: ModulesContainer;
  readonly adapterHost: HttpAdapterHost;
};

function makeLifecycle({ modules, adapterHost, ...parts }: LifecycleParts): ConnectionLifecycle {
  const { settings } = parts;
  return new ConnectionLifecycle({
    ...parts,
    isAppOfOwn: () => settings.worker && appKindOf(modules, adapterHost) !== 'test',
    logger: loggerFor('AsynqModule', settings),
    connectionNames: () => namesOfConnections(modules),
  });
}

/** For a factory that takes many parts: Nest injects them by their positions. */
function byName<Parts extends object>(
  make: (parts: Parts) => unknown,
  tokens: { readonly [Part in keyof Parts]: InjectionToken },
): Pick<FactoryProvider, 'useFactory' | 'inject'> {
  const names = Object.keys(tokens);
  return {
    useFactory: (...parts: readonly unknown[]) =>
      make(Object.fromEntries(names.map((name, nth) => [name, parts[nth]])) as Parts),
    inject: Object.values<InjectionToken>(tokens),
  };
}

/** Names of all connections of the app, duplicates included. */
export function namesOfConnections(modules: ModulesContainer): string[] {
  const ours = [...modules.values()].filter(({ metatype }) => metatype === AsynqCoreModule);
  return ours.map(({ providers }) => providers.get(CONNECTION_NAME)!.instance as string);
}
