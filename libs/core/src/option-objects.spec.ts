import fc from 'fast-check';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { openBroker } from './broker/open-broker.js';
import { Client } from './client/client.js';
import { CronSpecError } from './errors/cron-spec.error.js';
import { InvalidOptionsError } from './errors/invalid-options.error.js';
import { QueueError } from './errors/queue-error.js';
import { Inspector } from './inspector/inspector.js';
import { silentLogger } from './runtime/logger.js';
import { Scheduler } from './scheduler/scheduler.js';
import { Server } from './server/server.js';
import { FakeClock } from './testing/fake-clock.js';

const RUNS = 200;
const SECRET = 'pa55word';

/** Names that every object inherits, and others that are not options. */
const ODD_NAMES = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf', '', 'concurency'];

const breaks = (): never => {
  throw new Error('cannot be read');
};

/** Values that belong to no option. */
const anyValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withNullPrototype: true,
    withTypedArray: true,
    maxDepth: 2,
  }),
  fc.constantFrom<unknown>(
    null,
    NaN,
    Infinity,
    -1,
    1.5,
    1e300,
    '',
    ' ',
    '\ud800',
    'x'.repeat(1_000),
    'default',
    '10s',
    '5 parsecs',
  ),
  fc
    .constantFrom<() => unknown>(
      () => Symbol('odd'),
      () => new Date(NaN),
      () => [],
      () => () => undefined,
      () => ({ toString: breaks, toJSON: breaks, [Symbol.toPrimitive]: breaks }),
      () => Object.create(null) as unknown,
      () => JSON.parse('{ "__proto__": { "polluted": 1 } }') as unknown,
      () =>
        new Proxy(
          {},
          {
            ownKeys: () => ['constructor'],
            getOwnPropertyDescriptor: () => ({ value: 1, enumerable: true, configurable: true }),
          },
        ),
    )
    .map((make) => make()),
);

/** The options of one object: some right values of each. */
type Right = Readonly<Record<string, fc.Arbitrary<unknown>>>;

const isOneOf = (...values: readonly unknown[]): fc.Arbitrary<unknown> => fc.constantFrom(...values);

/** An object with some of the options, right and wrong, and with other names. */
function optionsLike(right: Right): fc.Arbitrary<unknown> {
  const known = Object.entries(right).map(([name, value]) =>
    fc.tuple(
      fc.constant(name),
      fc.oneof(
        { weight: 6, arbitrary: fc.constant(undefined) },
        { weight: 6, arbitrary: value },
        { weight: 1, arbitrary: anyValue },
      ),
    ),
  );
  const odd = fc.array(fc.tuple(fc.constantFrom(...ODD_NAMES), anyValue), { maxLength: 1 });
  const entries = fc.tuple(fc.tuple(...known), fc.oneof({ weight: 5, arbitrary: fc.constant([]) }, odd));
  const object = fc
    .tuple(entries, fc.constantFrom<object | null>(Object.prototype, Object.prototype, null))
    .map(([[own, others], prototype]) => {
      const options = Object.create(prototype) as object;
      for (const [name, value] of [...own, ...others]) {
        if (value !== undefined)
          Object.defineProperty(options, name, { value, enumerable: true, configurable: true, writable: true });
      }
      return options;
    });
  return fc.oneof({ weight: 12, arbitrary: object }, anyValue, fc.constantFrom(null, undefined));
}

const name = isOneOf('default', 'mail', 'constructor');
const length = isOneOf(0, 1_000, '10s', '1h');
const flag = isOneOf(true, false);
const call = isOneOf(() => undefined);
const logger = isOneOf(silentLogger);
const codec = isOneOf({ encode: () => new Uint8Array(), decode: () => undefined });
const clock = isOneOf(new FakeClock());
const count = isOneOf(1, 5);
const date = isOneOf(new Date(0), new Date('2030-01-01'));
const record = (value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  optionsLike({ default: value, mail: value, constructor: value });

/** Connections that hold a secret, many of them in a wrong place. */
const secretConnection = fc.constantFrom<unknown>(
  `redis://user:${SECRET}@localhost:1`,
  { url: `redis://user:${SECRET}@localhost:1` },
  { url: `redis://user:${SECRET}@local host:1` },
  { url: `http://user:${SECRET}@localhost:1` },
  { url: [`redis://user:${SECRET}@localhost:1`] },
  { url: 'redis://localhost:1', options: { password: SECRET, keyPrefix: 'x' } },
  { url: 'redis://localhost:1', options: { password: { text: SECRET } } },
  { url: 'redis://localhost:1', password: SECRET },
  { host: 'localhost', password: SECRET },
  {
    cluster: [{ host: 'localhost', port: 1, password: SECRET }],
    options: { redisOptions: { password: SECRET, db: 1 } },
  },
  { cluster: [`redis://:${SECRET}@localhost:1`] },
  { sentinels: [{ host: 'localhost', password: SECRET }], sentinelPassword: SECRET },
  { sentinels: [SECRET], name: 'master' },
);
const connectionShape = optionsLike({
  url: isOneOf('redis://localhost:1', 'redis-cluster://localhost:1', 'redis-sentinel://localhost:1?master=m'),
  options: optionsLike({ password: isOneOf(SECRET), db: isOneOf(0, 3), lazyConnect: flag, redisOptions: anyValue }),
  declaredKeysOnly: flag,
  waitForReplicas: count,
});
const memory = isOneOf('memory', { memory: 'options' });
const connection = fc.oneof({ weight: 8, arbitrary: memory }, secretConnection, connectionShape);

const taskOptions = optionsLike({
  queue: name,
  taskId: isOneOf('id'),
  maxRetry: count,
  timeout: length,
  deadline: date,
  unique: fc.oneof(length, optionsLike({ ttl: length, key: isOneOf(SECRET) })),
  processAt: date,
  processIn: length,
  group: isOneOf('digest'),
  partitionKey: isOneOf(SECRET),
  retention: length,
  headers: fc.oneof(isOneOf({ token: SECRET }, { token: [SECRET] }, [SECRET], SECRET), record(isOneOf(SECRET))),
});
const payload = isOneOf({ secret: SECRET }, [SECRET], Symbol(SECRET), 1n, undefined, () => SECRET);

const clientOptions = {
  connection,
  codec,
  maxPayloadBytes: count,
  partitions: record(count),
  defaults: taskOptions,
  onEvent: call,
  logger,
  clock,
};

const groupOptions = { gracePeriod: length, maxDelay: length, maxSize: count, aggregate: call };

const OBJECTS: Readonly<Record<string, [fc.Arbitrary<unknown>, (options: never) => unknown]>> = {
  server: [
    optionsLike({
      connection,
      concurrency: count,
      queues: fc.oneof(record(count), record(optionsLike({ weight: count, partitions: count }))),
      strictPriority: flag,
      retryDelay: call,
      isFailure: call,
      errorHandler: call,
      codec,
      shutdownTimeout: length,
      leaseDuration: length,
      heartbeatInterval: length,
      heartbeat: isOneOf('thread', 'inline'),
      onDeafHandler: isOneOf('keep', 'exit'),
      taskCheckInterval: length,
      janitorBatchSize: count,
      archive: optionsLike({ maxAge: length, maxSize: count }),
      unknownTypeDelay: length,
      maxCrashes: count,
      recoverGrace: length,
      maxBlockingConnections: count,
      groupAggregator: optionsLike({ ...groupOptions, groups: record(optionsLike(groupOptions)) }),
      onHealthCheck: call,
      healthCheckInterval: length,
      onEvent: call,
      logger,
      clock,
    }),
    async (options) => {
      await new Server(options).shutdown();
    },
  ],
  client: [
    optionsLike(clientOptions),
    async (options) => {
      await new Client(options).close();
    },
  ],
  inspector: [
    optionsLike({ connection, logger, clock, codec }),
    async (options) => {
      await new Inspector(options).close();
    },
  ],
  scheduler: [
    optionsLike({
      ...clientOptions,
      zone: isOneOf('UTC', 'Europe/Berlin'),
      beforeEnqueue: call,
      heartbeatInterval: length,
      provider: isOneOf({ periodicTasks: () => [] }),
      syncInterval: length,
    }),
    async (options) => {
      await new Scheduler(options).shutdown();
    },
  ],
  connection: [connection, (options) => openBroker(options, { logger: silentLogger }).close()],
  broker: [optionsLike({ clock, logger }), (options) => openBroker('memory', options).close()],
  task: [
    optionsLike({ type: isOneOf('mail:send'), payload, options: taskOptions }),
    async (item) => {
      await using client = new Client({ connection: openBroker('memory'), logger: silentLogger });
      const [result] = await client.enqueueMany([item]);
      if (result!.error) throw result!.error;
    },
  ],
  'periodic task': [
    fc.tuple(
      isOneOf('@daily', '* * * * *', '* * * * * *'),
      payload,
      optionsLike({
        queue: name,
        name,
        catchUp: isOneOf('skip', 'one'),
        zone: isOneOf('UTC'),
        seconds: flag,
        unique: length,
      }),
    ),
    async ([spec, given, options]: [string, unknown, never]) => {
      await using scheduler = new Scheduler({ connection: openBroker('memory'), logger: silentLogger });
      scheduler.register(spec, 'report', given, options);
    },
  ],
};

const inspecting = (use: (inspector: Inspector, options: never) => Promise<unknown>) => async (options: never) => {
  await using broker = { ...openBroker('memory'), [Symbol.asyncDispose]: () => Promise.resolve() };
  await using client = new Client({ connection: broker, logger: silentLogger });
  await client.enqueue('mail:send', { secret: SECRET }, { taskId: 'id' });
  await use(new Inspector({ connection: broker, logger: silentLogger }), options);
};
const paging = { page: count, size: count, group: isOneOf('digest') };
const bulk = { signal: isOneOf(new AbortController().signal), onProgress: call };
const search = {
  queue: name,
  state: isOneOf('pending', 'archived', 'aggregating'),
  group: isOneOf('digest'),
  type: isOneOf('mail:send'),
  idPrefix: isOneOf('i'),
  payloadContains: isOneOf(SECRET, new Uint8Array(2)),
  errorContains: isOneOf('boom'),
  header: record(isOneOf(SECRET)),
  from: date,
  to: date,
};

const INSPECTIONS: typeof OBJECTS = {
  queueInfo: [optionsLike({ memory: flag }), inspecting((on, options) => on.queueInfo('default', options))],
  deleteQueue: [optionsLike({ force: flag }), inspecting((on, options) => on.deleteQueue('default', options))],
  purgeQueue: [optionsLike({ force: flag }), inspecting((on, options) => on.purgeQueue('default', options))],
  listTasks: [optionsLike(paging), inspecting((on, options) => on.listTasks('default', 'pending', options))],
  findTasks: [
    optionsLike({ ...search, limit: count, scanBudget: count, cursor: isOneOf('s1:YQ') }),
    inspecting((on, options) => on.findTasks(options)),
  ],
  archiveTask: [
    optionsLike({ expectedState: isOneOf('pending', 'archived') }),
    inspecting((on, options) => on.archiveTask('default', 'id', options)),
  ],
  cancel: [
    optionsLike({ outcome: isOneOf('archive', 'delete', 'retry') }),
    inspecting((on, options) => on.cancel('default', 'id', options)),
  ],
  runAll: [
    optionsLike({ ...bulk, group: isOneOf('digest') }),
    inspecting((on, options) => on.runAll('default', 'pending', options)),
  ],
  archiveMatching: [
    fc.tuple(optionsLike(search), optionsLike({ ...bulk, dryRun: flag })),
    inspecting((on, [filter, options]: [never, never]) => on.archiveMatching(filter, options)),
  ],
  servers: [optionsLike({ onUnanswered: call }), inspecting((on, options) => on.servers(options))],
  schedules: [
    fc.tuple(anyValue, optionsLike({ onUnanswered: call })),
    inspecting((on, [queue, options]: [never, never]) => on.schedules(queue, options)),
  ],
  schedulerEvents: [optionsLike(paging), inspecting((on, options) => on.schedulerEvents('entry', options))],
  dailyStats: [anyValue, inspecting((on, days) => on.dailyStats('default', days))],
  reschedule: [fc.oneof(date, anyValue), inspecting((on, at) => on.reschedule('default', 'id', at))],
  wait: [
    optionsLike({ timeout: isOneOf(1), signal: isOneOf(AbortSignal.abort()) }),
    inspecting((on, options) => on.task('default', 'id').wait({ timeout: 1, ...(options as object) })),
  ],
};

describe('any options', () => {
  it.each(Object.entries({ ...OBJECTS, ...INSPECTIONS }))(
    'of %s work, or are refused with their names and without secrets',
    async (_, [options, use]) => {
      await fc.assert(
        fc.asyncProperty(options, async (given) => {
          const error: unknown = await (async () => use(given as never))().then(
            () => undefined,
            (thrown: unknown) => thrown,
          );

          expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
          if (error === undefined) return;
          const shown = `${inspect(error, { depth: 10 })} ${JSON.stringify(error)}`;
          expect(shown).not.toContain(SECRET);
          if (!(error instanceof InvalidOptionsError)) {
            // Of the call itself; options are found wrong before it.
            expect(
              error instanceof QueueError || error instanceof CronSpecError || (error as Error).name === 'AbortError',
              shown,
            ).toBe(true);
            return;
          }
          expect(error.problems).not.toEqual([]);
          for (const { option, allowed } of error.problems) {
            expect([typeof option, allowed === '']).toEqual(['string', false]);
            expect(error.message).toContain(`option "${option}" is `);
          }
        }),
        { numRuns: RUNS },
      );
    },
  );
});
