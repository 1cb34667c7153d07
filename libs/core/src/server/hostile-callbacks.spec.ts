import { inspect } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import { Client } from '../client/client.js';
import { Inspector } from '../inspector/inspector.js';
import { type Logger, silentLogger } from '../runtime/logger.js';
import type { Handler } from '../task/task-context.js';
import { openMemoryQueue } from '../test-support/test-queue.js';
import { Server } from './server.js';
import type { ServerOptions } from './server-options.js';

const trap = (): never => {
  throw new Error('looked at');
};
const traps: ProxyHandler<object> = {
  get: trap,
  has: trap,
  getPrototypeOf: trap,
  ownKeys: trap,
  getOwnPropertyDescriptor: trap,
};

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

const errorWith = (name: string, descriptor: PropertyDescriptor): Error =>
  Object.defineProperty(new Error('boom'), name, descriptor);

function ring(): Error {
  const error = new Error('boom');
  error.cause = error;
  return error;
}

/** A server with one slot: runs a task for `hostile`, then a valid one. Returns the state of the first. */
async function runBoth(
  hostile: Handler,
  { retention, ...options }: Partial<ServerOptions> & { retention?: string } = {},
) {
  const queue = openMemoryQueue();
  const { clock } = queue;
  const shared = { connection: queue.broker, logger: silentLogger };
  const client = new Client({ ...shared, defaults: { queue: queue.name } });
  const soundRan = vi.fn<Handler>();
  const handler: Handler = (payload, context) => (context.type === 'sound' ? soundRan : hostile)(payload, context);
  const server = new Server({ ...shared, queues: { [queue.name]: 1 }, concurrency: 1, ...options });
  await server.start(handler);

  const { id } = await client.enqueue('hostile', { secret: 1 }, { retention: retention as '1h' });
  await client.enqueue('sound');
  await clock.advance('15s');

  const task = await new Inspector(shared).taskInfo(queue.name, id).catch(() => undefined);
  await Promise.all([server.shutdown(), clock.advance('1m')]);
  return { task, soundRan };
}

const consoleError = () => vi.spyOn(console, 'error').mockImplementation(() => undefined);

const HOSTILE: readonly (readonly [string, unknown])[] = [
  ['a proxy with traps', new Proxy(new Error('boom'), traps)],
  ['a revoked proxy', revoked()],
  ['an error whose message throws', errorWith('message', { get: trap })],
  ['an error whose cause throws', errorWith('cause', { get: trap })],
  ['an error whose name throws', errorWith('name', { get: trap })],
  ['an error whose stack throws', errorWith('stack', { get: trap })],
  ['an error whose message is a symbol', errorWith('message', { value: Symbol('boom') })],
  ['an error that is its own cause', ring()],
  ['null', null],
  ['nothing', undefined],
  ['a symbol', Symbol('boom')],
  ['a BigInt', 5n],
  ['an object whose toString throws', { toString: trap }],
  ['an object without a prototype', Object.create(null)],
  ['a function', () => undefined],
];

const THROWING_LOGGER: Logger = { debug: trap, info: trap, warn: trap, error: trap };
const REJECTING_LOGGER = {
  debug: async () => trap(),
  info: async () => trap(),
  warn: async () => trap(),
  error: async () => trap(),
} as unknown as Logger;
const JSON_LOGGER: Logger = {
  ...silentLogger,
  warn: (message, fields) => void JSON.stringify({ message, ...fields }),
  error: (message, fields) => void JSON.stringify({ message, ...fields, own: Object.entries(fields ?? {}) }),
};

describe('a slot is free again, and something readable is stored, when a handler', () => {
  it.each(HOSTILE)('throws %s', async (_, thrown) => {
    const { task, soundRan } = await runBoth(() => {
      throw thrown;
    });

    expect(soundRan).toHaveBeenCalledOnce();
    expect(task).toMatchObject({ state: 'retry', lastError: expect.stringMatching(/./) });
  });

  it.each(HOSTILE)('throws %s, and the logger cannot print it', async (_, thrown) => {
    consoleError();
    const { task, soundRan } = await runBoth(() => Promise.reject(thrown), { logger: THROWING_LOGGER });

    expect(soundRan).toHaveBeenCalledOnce();
    expect(task).toMatchObject({ state: 'retry' });
  });

  it.each([
    ['a thenable whose then throws', { then: trap }],
    ['an object whose then is a getter that throws', Object.defineProperty({}, 'then', { get: trap })],
    ['a thenable that rejects with a proxy', { then: (_: unknown, no: (error: unknown) => void) => no(revoked()) }],
    ['a proxy with traps', new Proxy({}, traps)],
    ['a revoked proxy', revoked()],
  ])('returns %s', async (_, returned) => {
    const { task, soundRan } = await runBoth(() => returned, { retention: '1h' });

    expect(soundRan).toHaveBeenCalledOnce();
    expect(task).toMatchObject({ state: 'retry' });
  });

  it.each([
    ['a circular object', ring()],
    ['a BigInt', { n: 5n }],
    ['a getter that throws', Object.defineProperty({}, 'a', { get: trap, enumerable: true })],
    ['a toJSON that throws', { toJSON: trap }],
    ['a function', () => undefined],
    ['a symbol', Symbol('result')],
  ])('returns %s, which counts as success without a result', async (_, returned) => {
    const { task, soundRan } = await runBoth(() => returned, { retention: '1h', logger: JSON_LOGGER });

    expect(soundRan).toHaveBeenCalledOnce();
    expect(task).toMatchObject({ state: 'completed', result: undefined });
  });

  it.each<[string, (context: object) => unknown]>([
    ['has no prototype', (context) => Object.setPrototypeOf(context, null)],
    ['is frozen', (context) => Object.freeze(context)],
    ['is a proxy of traps underneath', (context) => Object.setPrototypeOf(context, new Proxy({}, traps))],
    [
      'has other facts',
      (context) => {
        for (const name of ['id', 'type', 'queue']) Object.defineProperty(context, name, { get: trap });
        Object.assign(context, { flush: trap, resultOf: trap });
      },
    ],
  ])('leaves behind a context that %s', async (_, deface) => {
    const failed = await runBoth((_payload, context) => {
      context.progress(0.5);
      deface(context);
      throw new Error('boom');
    });
    const done = await runBoth(
      (_payload, context) => {
        deface(context);
        return 'done';
      },
      { retention: '1h' },
    );

    expect(failed.soundRan).toHaveBeenCalledOnce();
    expect(failed.task).toMatchObject({ state: 'retry', lastError: 'boom' });
    expect(done.task).toMatchObject({ state: 'completed', result: Uint8Array.from(Buffer.from('"done"')) });
  });

  it('returns an object whose toJSON rejects, which counts as success without a result', async () => {
    const unhandled = vi.fn<(error: unknown) => void>();
    process.once('unhandledRejection', unhandled);

    const { task, soundRan } = await runBoth(() => ({ toJSON: async () => trap() }), { retention: '1h' });
    await new Promise(setImmediate);
    process.off('unhandledRejection', unhandled);

    expect(unhandled).not.toHaveBeenCalled();
    expect(soundRan).toHaveBeenCalledOnce();
    expect(task).toMatchObject({ state: 'completed', result: undefined });
  });

  it('throws an error of 60 kB, which is stored completely and logged in part', async () => {
    const lines: string[] = [];
    const log = (message: string, fields?: object): void => void lines.push(message, inspect(fields));
    const logger = { ...silentLogger, warn: log, error: log };

    const { task } = await runBoth(
      () => {
        throw new Error('x'.repeat(60_000), { cause: new Error('y'.repeat(60_000)) });
      },
      { logger },
    );

    expect(task!.lastError).toHaveLength(60_000);
    expect(lines.some((line) => line.includes('xxx… (cut)') || line.includes('x … (cut)'))).toBe(true);
    for (const line of lines) expect(line.length).toBeLessThan(30_000);
    expect(lines[0]!.length).toBeLessThan(2_200);
  });

  it('throws a promise that rejects', async () => {
    const unhandled = vi.fn<(error: unknown) => void>();
    process.once('unhandledRejection', unhandled);

    const { task, soundRan } = await runBoth(() => {
      throw Promise.reject(new Error('inner')) as unknown as Error;
    });
    await new Promise(setImmediate);
    process.off('unhandledRejection', unhandled);

    expect(unhandled).not.toHaveBeenCalled();
    expect(soundRan).toHaveBeenCalledOnce();
    expect(task).toMatchObject({ state: 'retry' });
  });

  it('returns detached bytes, which counts as success without a result', async () => {
    const warn = vi.fn<Logger['warn']>();
    const bytes = new Uint8Array(8);
    structuredClone(bytes, { transfer: [bytes.buffer] });

    const { task } = await runBoth(() => bytes, { retention: '1h', logger: { ...silentLogger, warn } });

    expect(task).toMatchObject({ state: 'completed', result: undefined });
    expect(warn).toHaveBeenCalledOnce();
  });

  it('throws an error of 20 MB, which is cut at 64 kB', async () => {
    const { task } = await runBoth(() => {
      throw new Error('é'.repeat(10_000_000));
    });

    expect(Buffer.byteLength(task!.lastError)).toBeLessThanOrEqual(64 * 1024);
    expect(task!.lastError).toMatch(/^éé.*… \(cut\)$/);
  });

  it.each([
    ['wrong', 'x' as unknown as number, 5 as unknown as string],
    ['big', 5n as unknown as number, Symbol('note') as unknown as string],
  ])('reports progress that is %s, which does no harm', async (_, share, note) => {
    const { task, soundRan } = await runBoth((_payload, context) => context.progress(share, note), { retention: '1h' });

    expect(soundRan).toHaveBeenCalledOnce();
    expect(task).toMatchObject({ state: 'completed' });
  });

  it.each([
    ['throws', (): never => trap()],
    ['rejects', async (): Promise<never> => trap()],
  ])('has an abort listener that %s', async (_, listener) => {
    const error = vi.fn<Logger['error']>();
    const handler: Handler = (_payload, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', listener);
        signal.addEventListener('abort', { handleEvent: listener });
        // oxlint-disable-next-line unicorn/prefer-add-event-listener -- handlers may do so
        signal.onabort = listener;
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      });
    const queue = openMemoryQueue();
    const shared = { connection: queue.broker, logger: { ...silentLogger, error } };
    const server = new Server({ ...shared, queues: { [queue.name]: 1 }, concurrency: 1 });
    await server.start(handler);
    const client = new Client({ ...shared, defaults: { queue: queue.name } });
    await client.enqueue('hostile', undefined, { timeout: '1s', taskId: 'a' });
    await queue.clock.advance('2s');

    const task = await new Inspector(shared).taskInfo(queue.name, 'a');

    expect(task).toMatchObject({ state: 'retry', lastError: 'context deadline exceeded' });
    expect(error.mock.calls.map(([message]) => message)).toEqual(Array(3).fill('an abort listener failed'));
    await Promise.all([server.shutdown(), queue.clock.advance('1m')]);
  });
});

describe('a slot is free again when', () => {
  const fail: Handler = () => {
    throw ring();
  };

  it.each([
    ['the logger throws', { logger: THROWING_LOGGER }],
    ['the logger rejects', { logger: REJECTING_LOGGER }],
    ['the logger writes JSON of a circular error', { logger: JSON_LOGGER }],
    ['onEvent throws', { onEvent: trap }],
    ['onEvent rejects', { onEvent: async () => trap() }],
    ['errorHandler throws', { errorHandler: trap }],
    ['errorHandler rejects', { errorHandler: async () => trap() }],
    ['errorHandler never ends', { errorHandler: () => new Promise<void>(() => undefined) }],
    ['retryDelay throws', { retryDelay: trap }],
    ['retryDelay rejects', { retryDelay: (async () => trap()) as unknown as () => number }],
    ['isFailure throws', { isFailure: trap }],
    ['isFailure rejects', { isFailure: (async () => trap()) as unknown as () => boolean }],
    ['onHealthCheck throws', { onHealthCheck: trap, healthCheckInterval: '1s' }],
    ['onHealthCheck rejects', { onHealthCheck: async () => trap(), healthCheckInterval: '1s' }],
    ['the codec returns promises', { codec: asyncCodec(false) }],
    ['the codec returns promises that reject', { codec: asyncCodec(true) }],
  ] satisfies [string, Partial<ServerOptions>][])('%s', async (_, options) => {
    consoleError();

    const { task } = await runBoth(fail, options);
    const { soundRan } = await runBoth(fail, { ...options, codec: undefined });

    expect(soundRan).toHaveBeenCalledOnce();
    expect(task).toMatchObject({ state: 'retry' });
  });

  it('the codec returns a promise for a result, which is not stored', async () => {
    const { encode } = asyncCodec(true);
    const codec = { encode, decode: () => undefined };

    const { task, soundRan } = await runBoth(() => 'done', { codec, retention: '1h' });

    expect(soundRan).toHaveBeenCalledOnce();
    expect(task).toMatchObject({ state: 'completed', result: undefined });
  });
});

describe('the text of an error of a codec, which may quote the payload, is', () => {
  class BadPayload extends Error {}
  const refuse = (): never => {
    throw new BadPayload('pw=s3cret', { cause: new Error('s3cret') });
  };
  const log: unknown[][] = [];
  const keep = (...line: unknown[]): void => void log.push(line);
  const logger = { debug: keep, info: keep, warn: keep, error: keep };

  it('neither stored nor logged when a payload does not decode', async () => {
    const { task } = await runBoth(() => 'done', { codec: { encode: () => new Uint8Array(), decode: refuse }, logger });

    expect(task).toMatchObject({
      state: 'archived',
      lastError: expect.stringContaining('an error of class BadPayload'),
    });
    expect(task!.lastError + inspect(log, { depth: 9 })).not.toContain('s3cret');
  });

  it.each([
    ['codec', { encode: refuse, decode: () => undefined }, 'done'],
    ['toJSON', undefined, { toJSON: refuse }],
  ])('not logged when a result does not encode: %s', async (_, codec, result) => {
    log.length = 0;
    const { task } = await runBoth(() => result, { codec, retention: '1h', logger });

    expect(task).toMatchObject({ state: 'completed', result: undefined });
    expect(inspect(log, { depth: 9 })).toContain('an error of class BadPayload');
    expect(inspect(log, { depth: 9 })).not.toContain('s3cret');
  });

  it('not in the error of a call that enqueues', async () => {
    const queue = openMemoryQueue();
    const client = new Client({ connection: queue.broker, logger: silentLogger });

    const error = await client.enqueue('a', { toJSON: refuse }).catch((reason: unknown) => reason);

    expect(inspect(error, { depth: 9 })).toContain('an error of class BadPayload');
    expect(inspect(error, { depth: 9 })).not.toContain('s3cret');
  });
});

describe('retryDelay', () => {
  const retriesAfterS = async (answer: unknown) => {
    const error = vi.fn<Logger['error']>();
    vi.spyOn(Math, 'random').mockReturnValue(0);
    const retryDelay = (() => answer) as () => number;
    const handler: Handler = () => {
      throw new Error('boom');
    };
    const queue = openMemoryQueue();
    const shared = { connection: queue.broker, logger: { ...silentLogger, error } };
    const server = new Server({ ...shared, queues: { [queue.name]: 1 }, retryDelay });
    await server.start(handler);
    await new Client(shared).enqueueMany(
      ['a', 'b'].map((taskId) => ({ type: 'task', options: { queue: queue.name, taskId } })),
    );
    await queue.clock.advance(0);
    const { nextProcessAt } = await new Inspector(shared).taskInfo(queue.name, 'a');
    const afterS = (nextProcessAt!.getTime() - queue.clock.nowMs()) / 1_000;
    await Promise.all([server.shutdown(), queue.clock.advance('1m')]);
    vi.restoreAllMocks();
    return { afterS, errors: error.mock.calls.filter(([message]) => message.startsWith('retryDelay failed')).length };
  };

  it.each([
    [1_500, 1.5],
    [0.4, 0.0004],
    [31 * 86_400_000, 30 * 86_400],
    [Number.MAX_VALUE, 30 * 86_400],
  ])('may answer %j', async (answer, expectedS) => {
    const { afterS, errors } = await retriesAfterS(answer);

    expect(afterS).toBeCloseTo(expectedS, 0);
    expect(errors).toBe(0);
  });

  it.each([-1, -0.5, NaN, Infinity, -Infinity, '5s', 5n, null, undefined, {}, true, new Date()])(
    'may not return %s, which is logged once',
    async (answer) => {
      const { afterS, errors } = await retriesAfterS(answer);

      expect(afterS).toBe(15);
      expect(errors).toBe(1);
    },
  );
});

function asyncCodec(rejects: boolean): NonNullable<ServerOptions['codec']> {
  const answer = async (): Promise<unknown> => (rejects ? trap() : undefined);
  return { encode: answer as unknown as () => Uint8Array, decode: answer };
}

it('prints a line to the console when the logger fails, with the reason', async () => {
  const said = consoleError();

  await runBoth(
    () => {
      throw new Error('boom');
    },
    { logger: THROWING_LOGGER },
  );

  expect(said).toHaveBeenCalledWith('[asynq] task failed, will be retried: boom (the logger failed: looked at)');
});
