import {
  type ClientOptions,
  type Duration,
  InvalidOptionsError,
  type SchedulerOptions,
  type ServerOptions,
} from '@nestjs-asynq/core';
import {
  isRecord,
  LONGEST_TIMER_MS,
  MOST_PARTITIONS,
  OptionReader,
  SERVER_OPTION_NAMES,
} from '@nestjs-asynq/core/internal';
import type { UnknownQueues } from './distributor/enqueue-guard.js';
import type { PayloadValidationOptions } from './handling/payload-validator.js';
import { hideFromLogs } from './lifecycle/hidden-fields.js';

/** Name of the connection when none is given. */
export const DEFAULT_CONNECTION = 'default';

/** Which *global* enhancers also run for task handlers. Those on a handler or its class always do. */
export interface EnhancerOptions {
  /** Default `false`. */
  readonly guards?: boolean | undefined;
  /** Default `false`. */
  readonly interceptors?: boolean | undefined;
  /** Default `false`. */
  readonly filters?: boolean | undefined;
}

/** How the app behaves when Redis is unreachable at boot. */
export interface ConnectOptions {
  /** `false`: start without Redis, and process tasks as soon as it answers. Default `true`: the boot fails. */
  readonly required?: boolean | undefined;
  /** How long to try before the boot fails, or continues without Redis. Default `'5s'`. */
  readonly timeout?: Duration | undefined;
}

const SCHEDULER_NAMES = [
  'zone',
  'heartbeatInterval',
  'provider',
  'syncInterval',
  'beforeEnqueue',
] as const satisfies readonly (keyof SchedulerOptions)[];

/** How periodic tasks are planned. */
export type SchedulerModuleOptions = Pick<SchedulerOptions, (typeof SCHEDULER_NAMES)[number]>;

/** Server options that the module sets itself. */
const GIVEN_BY_MODULE = ['connection', 'logger', 'onEvent'] as const satisfies readonly (keyof ServerOptions)[];

type SharedWithServer = Omit<ServerOptions, (typeof GIVEN_BY_MODULE)[number]>;
type SharedWithClient = Pick<
  ClientOptions,
  'defaults' | 'enqueueTimeout' | 'maxPayloadBytes' | 'partitions' | 'tracing' | 'carry' | 'publishEvents'
>;

/** Options of one connection: the queues it serves and how. Only `connection` is required. */
export interface AsynqModuleOptions extends SharedWithServer, SharedWithClient {
  /** Traces tasks from the distributor to the handlers: `openTelemetry()` of `nestjs-asynq/tracing`. Default: none. */
  readonly tracing?: SharedWithClient['tracing'];
  /**
   * Fields of the program's context, such as the tenant of a request, that the distributor sends with each task and that
   * are there again in its handler: see `carryFields`. Default: none.
   */
  readonly carry?: SharedWithClient['carry'];
  /**
   * Publishes what happens to tasks in this process to the streams of their queues, which `TaskQueueEvents` reads in any
   * process. Default `false`.
   */
  readonly publishEvents?: SharedWithClient['publishEvents'];
  /**
   * Queue name to number of partitions, 1 to 64, for partitioned queues that this app only enqueues to. Those of `queues` are known.
   */
  readonly partitions?: SharedWithClient['partitions'];
  /**
   * Redis in any of its forms, an ioredis client, `{ memory: name }` for queues in the memory of this process, or
   * `'memory'` for those with the name of this connection.
   */
  readonly connection: ServerOptions['connection'];
  /**
   * `true`: this process serves its queues. `false`: it only enqueues. Default: it serves them if it has handlers and is an app of
   * `NestFactory.create`, a testing module, or in memory; an application context, as scripts and the REPL create one, only
   * enqueues until it says `true`.
   */
  readonly worker?: boolean | undefined;
  /** `false`: nothing runs until `TaskServer.start()`. Default `true`: the server starts with the app. */
  readonly autoStart?: boolean | undefined;
  /**
   * What happens to a task for a queue that is none of `queues`: `'warn'` logs, once per queue and process, if no running server
   * serves it; `'error'` refuses the task; `'allow'` does nothing. Default `'warn'`. A process that only enqueues names the
   * queues of its workers in `queues`, too.
   */
  readonly unknownQueues?: UnknownQueues | undefined;
  /** Also validate payloads on enqueue, with the pipes, class or schema that they meet at this app's handler. Default `false`. */
  readonly validateOnEnqueue?: boolean | undefined;
  /**
   * Options of the `ValidationPipe` that handlers' payload classes go through (`whitelist`, `groups`, …), or `false` for
   * none. Default: validate and transform, when class-validator and class-transformer are installed.
   */
  readonly validation?: PayloadValidationOptions | false | undefined;
  /** Global guards, interceptors and filters for task handlers; global pipes always run. Default none. */
  readonly enhancers?: EnhancerOptions | undefined;
  /** Behavior when Redis is unreachable at boot. Default: fail after 5 s. */
  readonly connect?: ConnectOptions | undefined;
  /** Options of the scheduler; `false`: this process fires no periodic tasks. Default: it does. */
  readonly scheduler?: SchedulerModuleOptions | false | undefined;
}

/** Validated options, by the part that they configure. */
export interface AsynqSettings {
  readonly name: string;
  readonly connection: ServerOptions['connection'];
  readonly server: SharedWithServer;
  readonly client: SharedWithClient;
  readonly clock: ServerOptions['clock'];
  readonly codec: ServerOptions['codec'];
  readonly worker: boolean;
  readonly autoStart: boolean;
  /** The options say that this process works, whatever kind of app it is. */
  readonly isWorkAsked: boolean;
  /** The options say something about the roles of this process, so that its periodic tasks may fire in whatever kind of app. */
  readonly isScheduleAsked: boolean;
  /** The options are those of a worker. */
  readonly isWorkMeant: boolean;
  readonly unknownQueues: UnknownQueues;
  readonly validateOnEnqueue: boolean;
  readonly validation: PayloadValidationOptions | false;
  readonly enhancers: EnhancerOptions;
  readonly connect: { readonly required: boolean; readonly timeoutMs: number };
  readonly scheduler: SchedulerModuleOptions | false;
}

/** Options that are passed on to the server. */
const SERVER_NAMES = SERVER_OPTION_NAMES.filter((name) => !(GIVEN_BY_MODULE as readonly string[]).includes(name));

/** A record, so that the compiler reports a missing option. */
const OWN_NAMES: Readonly<Record<Exclude<keyof AsynqModuleOptions, keyof SharedWithServer>, true>> = {
  connection: true,
  worker: true,
  autoStart: true,
  unknownQueues: true,
  defaults: true,
  enqueueTimeout: true,
  maxPayloadBytes: true,
  partitions: true,
  validateOnEnqueue: true,
  validation: true,
  enhancers: true,
  connect: true,
  scheduler: true,
};

/** Options that a process which only enqueues has no use for. */
const MEANT_FOR_WORK = [
  'concurrency',
  'readAhead',
  'strictPriority',
  'retryDelay',
  'isFailure',
  'errorHandler',
] as const;

const A_URL = `"connection": { url: 'redis://host:6379' }`;

/** Options of other queue modules, and what does the same here. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  redis: A_URL,
  url: A_URL,
  host: A_URL,
  port: A_URL,
  password: A_URL,
  db: A_URL,
  cluster: '"connection": { cluster: [{ host, port }] }',
  prefix: 'no prefix: Go workers know no other keys; a name of its own for each queue keeps apps apart',
  defaultJobOptions: '"defaults"',
  limiter: '"concurrency"',
  lockDuration: '"leaseDuration"',
  maxStalledCount: '"maxCrashes"',
  autorun: '"autoStart"',
  isGlobal: 'nothing: the parts of a connection can be injected anywhere',
  processors: '@TaskHandler on methods of providers',
};

const DEFAULT_CONNECT_TIMEOUT_MS = 5_000;

/**
 * The name of a connection, which becomes a part of tokens.
 * @throws {InvalidOptionsError} it is no text, or blank
 */
export function readConnectionName(name: string | undefined): string {
  const reader = new OptionReader({ name: name ?? undefined });
  const read = reader.text('name', DEFAULT_CONNECTION);
  reader.throwIfWrong();
  return read;
}

/** A factory without `return`, or a braced arrow function, is the usual cause. */
const NO_OPTIONS = {
  option: 'options',
  value: undefined,
  allowed:
    'an object with "connection"; the useFactory or createAsynqOptions of AsynqModule.forRootAsync() has returned nothing',
};

/**
 * Validates the options of this package. Server and client validate theirs.
 * @throws {InvalidOptionsError} all invalid options, with name, value and what is allowed
 */
export function readModuleOptions(name: string, given: AsynqModuleOptions): AsynqSettings {
  if (given === undefined || given === null) throw new InvalidOptionsError([NO_OPTIONS]);
  const reader = new OptionReader(given);
  if ('name' in given)
    reader.refuse('name', 'next to useFactory, not in its result: tokens are created before it runs');
  else reader.onlyKnown([...Object.keys(OWN_NAMES), ...SERVER_NAMES], ELSEWHERE);
  if (given.connection === undefined) reader.refuse('connection', "a Redis connection or 'memory'");
  if (given.queues !== undefined && !isRecord(given.queues)) {
    reader.refuse('queues', 'queues with their weights, such as { default: 1 }');
  }
  // The server does not see it as it was given: functions of @TaskAggregator methods are added.
  if (given.groupAggregator !== undefined && !isRecord(given.groupAggregator)) {
    reader.refuse('groupAggregator', "limits of groups, such as { gracePeriod: '30s' }");
  }
  const settings: AsynqSettings = {
    name,
    connection: given.connection === 'memory' ? { memory: name } : given.connection,
    server: pickServerOptions(given),
    client: {
      defaults: given.defaults,
      enqueueTimeout: given.enqueueTimeout,
      maxPayloadBytes: given.maxPayloadBytes,
      partitions: readPartitions(given, reader),
      tracing: given.tracing,
      carry: given.carry,
      publishEvents: given.publishEvents,
    },
    clock: given.clock,
    codec: given.codec,
    worker: reader.boolean('worker', true),
    autoStart: reader.boolean('autoStart', true),
    isWorkAsked: given.worker === true || (given.autoStart === true && given.worker !== false),
    isScheduleAsked: given.worker !== undefined || given.autoStart === true || given.scheduler !== undefined,
    isWorkMeant: given.worker === true || MEANT_FOR_WORK.some((name) => Reflect.get(given, name) !== undefined),
    unknownQueues: readUnknownQueues(given, reader),
    validateOnEnqueue: reader.boolean('validateOnEnqueue', false),
    validation: readValidation(given, reader),
    enhancers: readEnhancers(given, reader),
    connect: readConnect(given, reader),
    scheduler: readScheduler(given, reader),
  };
  reader.throwIfWrong();
  hideFromLogs(settings, 'connection');
  return settings;
}

function readUnknownQueues({ queues }: AsynqModuleOptions, reader: OptionReader): UnknownQueues {
  const read = reader.oneOf('unknownQueues', ['warn', 'error', 'allow']) ?? 'warn';
  if (read === 'error' && queues === undefined) {
    reader.refuse('unknownQueues', '"warn" or "allow" without "queues", which names the known ones');
  }
  return read;
}

function pickServerOptions(given: AsynqModuleOptions): SharedWithServer {
  return Object.fromEntries(Object.entries(given).filter(([name]) => SERVER_NAMES.includes(name))) as SharedWithServer;
}

/** Those of `partitions`, which the client checks, and of `queues`. */
function readPartitions({ queues, partitions }: AsynqModuleOptions, reader: OptionReader): ClientOptions['partitions'] {
  const served = Object.entries(queues ?? {}).flatMap(([queue, options]) => {
    if (!isRecord(options)) return [];
    const own = new OptionReader(options, `queues.${queue}.`);
    const count = own.wholeNumber('partitions', 0, 1, MOST_PARTITIONS);
    reader.add(...own.problems);
    return count > 0 ? [[queue, count] as const] : [];
  });
  const given = new Map<string, unknown>(Object.entries(partitions ?? {}));
  for (const [queue, count] of served) {
    const own = given.get(queue);
    if (own !== undefined && own !== count) {
      reader.refuse(`partitions.${queue}`, `${count}, as in "queues", or nothing`, own);
    }
  }
  if (served.length === 0 || (partitions !== undefined && !isRecord(partitions))) return partitions;
  return { ...partitions, ...Object.fromEntries(served) };
}

function readValidation({ validation }: AsynqModuleOptions, reader: OptionReader): PayloadValidationOptions | false {
  if (validation === undefined || validation === false) return validation ?? {};
  if (!isRecord(validation)) reader.refuse('validation', 'options of a ValidationPipe, or false');
  return validation;
}

function readEnhancers({ enhancers = {} }: AsynqModuleOptions, reader: OptionReader): EnhancerOptions {
  const inner = new OptionReader(enhancers, 'enhancers.');
  inner.onlyKnown(['guards', 'interceptors', 'filters']);
  const read = {
    guards: inner.boolean('guards', false),
    interceptors: inner.boolean('interceptors', false),
    filters: inner.boolean('filters', false),
  };
  reader.add(...inner.problems);
  return read;
}

function readConnect({ connect = {} }: AsynqModuleOptions, reader: OptionReader): AsynqSettings['connect'] {
  const inner = new OptionReader(connect, 'connect.');
  inner.onlyKnown(['required', 'timeout']);
  const read = {
    required: inner.boolean('required', true),
    timeoutMs: inner.duration('timeout', DEFAULT_CONNECT_TIMEOUT_MS, { minMs: 1, maxMs: LONGEST_TIMER_MS }),
  };
  reader.add(...inner.problems);
  return read;
}

/** Problems of the scheduler's options, under the names of the module's options. */
export function asModuleOptions(error: unknown): unknown {
  if (!(error instanceof InvalidOptionsError)) return error;
  return new InvalidOptionsError(
    error.problems.map((problem) => {
      const isOfScheduler = (SCHEDULER_NAMES as readonly string[]).includes(problem.option);
      return isOfScheduler ? { ...problem, option: `scheduler.${problem.option}` } : problem;
    }),
  );
}

/** Names only: the scheduler validates the values. */
function readScheduler({ scheduler = {} }: AsynqModuleOptions, reader: OptionReader): AsynqSettings['scheduler'] {
  if (scheduler === false) return false;
  const inner = new OptionReader(scheduler, 'scheduler.');
  inner.onlyKnown(SCHEDULER_NAMES);
  reader.add(...inner.problems);
  return scheduler;
}
