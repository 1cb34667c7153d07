import { inspect } from 'node:util';
import {
  Client,
  Inspector,
  jsonCodec,
  type Logger,
  MessageDecodeError,
  openBroker,
  Scheduler,
  Server,
  type ServerOptions,
  ServeMux,
  type TaskEvent,
} from '@nestjs-asynq/core';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { Conditions } from '../support/conditions.js';
import { startRedis } from '../support/redis-server.js';

const SECRET = 'hunter2-9f';
const NOT_JSON = Buffer.from(`pw=${SECRET}`);

/** Everything that a log, an error report or a debugger could show. */
const shown = (value: unknown): string =>
  inspect(value, { depth: 12, maxStringLength: null, showHidden: true }) + toJson(value);

function toJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? '';
  } catch {
    return ''; // a circle
  }
}

class RecordingLogger implements Logger {
  readonly lines: unknown[][] = [];
  readonly debug = (...line: unknown[]): void => void this.lines.push(line);
  readonly info = (...line: unknown[]): void => void this.lines.push(line);
  readonly warn = (...line: unknown[]): void => void this.lines.push(line);
  readonly error = (...line: unknown[]): void => void this.lines.push(line);
}

const failureOf = (act: () => unknown): Promise<unknown> =>
  Promise.resolve()
    .then(act)
    .then(
      () => expect.fail('it should fail'),
      (error: unknown) => error,
    );

describe('a password of the connection', () => {
  it('is in no public object, neither before nor after its use', async () => {
    await using redis = await startRedis();
    const admin = new Redis(redis.url);
    await admin.config('SET', 'requirepass', SECRET);
    const connection = { url: redis.url.replace('//', `//:${SECRET}@`), options: { password: SECRET } };
    const logger = new RecordingLogger();
    const broker = openBroker(connection, { logger });
    const client = new Client({ connection, logger });
    const inspector = new Inspector({ connection, logger });
    const scheduler = new Scheduler({ connection, logger });
    const server = new Server({ connection, logger });
    const all = [broker, client, inspector, scheduler, server];
    const before = all.map(shown);

    await broker.ping();
    const handle = await client.enqueue('a', { pw: SECRET }, { headers: { token: SECRET } });
    const planned = scheduler.register('@every 1h', 'b', { pw: SECRET }, { headers: { token: SECRET } });
    await Promise.all([
      inspector.queues(),
      scheduler.start(),
      server.start(new ServeMux().handle('b', () => undefined)),
    ]);

    for (const text of [...before, ...all.map(shown), shown(handle), shown(planned), shown(logger.lines)]) {
      expect(text).not.toContain(SECRET);
    }
    await Promise.all([broker.close(), client.close(), inspector.close(), scheduler.shutdown(), server.shutdown()]);
    admin.disconnect();
  });
});

describe('a wrong option', () => {
  const codec = {
    encode: () => {
      throw new Error('no');
    },
    decode: () => undefined,
  };

  it.each<{ title: string; options?: object; enqueue?: [payload: unknown, options?: object] }>([
    { title: 'a connection of an unknown shape', options: { connection: { host: 'h', password: SECRET } } },
    { title: 'a connection in an array', options: { connection: [`redis://:${SECRET}@h`] } },
    { title: 'an address in place of a connection', options: { connection: `redis://:${SECRET}@h` } },
    { title: 'an unknown option', options: { connection: 'memory', pasword: SECRET } },
    { title: 'an unknown option of a harmless name', options: { connection: 'memory', config: SECRET } },
    { title: 'a node in place of those of a cluster', options: { connection: { cluster: `redis://:${SECRET}@h` } } },
    { title: 'an address of sentinels', options: { connection: { sentinels: `redis://:${SECRET}@h`, name: 'm' } } },
    { title: 'text in place of options', enqueue: [undefined, SECRET as never] },
    { title: 'default headers', options: { connection: 'memory', defaults: { headers: { token: [SECRET] } } } },
    { title: 'a payload object that the codec refuses', enqueue: [{ pw: SECRET }] },
    { title: 'a payload text that the codec refuses', enqueue: [SECRET] },
    { title: 'a header that is no text', enqueue: [undefined, { headers: { token: [SECRET] } }] },
    { title: 'a header that is no Unicode', enqueue: [undefined, { headers: { token: `${SECRET}\ud800` } }] },
    { title: 'headers that are a text', enqueue: [undefined, { headers: SECRET }] },
    {
      title: 'a unique key that is no Unicode',
      enqueue: [undefined, { unique: { ttl: '1h', key: `${SECRET}\ud800` } }],
    },
    { title: 'unknown task options', enqueue: [undefined, { token: SECRET }] },
  ])('$title is not shown in the error', async ({ options = { connection: 'memory', codec }, enqueue }) => {
    const error = await failureOf(() => {
      const client = new Client(options as never);
      return client.enqueue('a', ...(enqueue ?? []));
    });

    expect(error).toMatchObject({ code: 'INVALID_OPTIONS' });
    expect(`${shown(error)} ${String(error)}`).not.toContain(SECRET);
  });
});

describe('a payload', () => {
  const codecs: readonly [title: string, codec: ServerOptions['codec'], reason: string][] = [
    ['the codec of the library', undefined, 'not valid JSON'],
    [
      'a codec of the user that parses JSON',
      {
        encode: (payload) => payload as Buffer,
        decode: (bytes) => JSON.parse(Buffer.from(bytes).toString()) as unknown,
      },
      'the codec threw an error of class SyntaxError',
    ],
  ];

  it.each(codecs)('that is not JSON is not quoted by %s', async (_title, codec, reason) => {
    const broker = openBroker('memory');
    const logger = new RecordingLogger();
    const events: TaskEvent[] = [];
    const conditions = new Conditions();
    const seen: unknown[] = [];
    const server = new Server({
      connection: broker,
      logger,
      codec,
      errorHandler: (error, context) => void seen.push(error, context),
      onEvent: (event) => {
        events.push(event);
        conditions.check();
      },
    });
    const client = new Client({ connection: broker, logger });
    await server.start(new ServeMux().handle('a', () => undefined));

    const { queue, id } = await client.enqueue('a', NOT_JSON, { headers: { token: SECRET } });
    await conditions.until(() => events.some(({ kind }) => kind === 'archived'));
    await server.shutdown();

    const stored = await new Inspector({ connection: broker }).taskInfo(queue, id);
    expect(stored.lastError).toContain(reason);
    for (const what of [logger.lines, events, seen, stored.lastError]) expect(shown(what)).not.toContain(SECRET);
  });

  it('that is a result of a codec that fails on it is not quoted either', async () => {
    const broker = openBroker('memory');
    const failing = {
      encode: jsonCodec.encode,
      decode: (bytes: Uint8Array): unknown => {
        if (bytes.length > 0) throw new Error(`cannot decode ${Buffer.from(bytes).toString()}`);
        return undefined;
      },
    };
    const client = new Client({ connection: broker, codec: failing });
    const server = new Server({ connection: broker, logger: new RecordingLogger() });
    await server.start(new ServeMux().handle('a', () => NOT_JSON));

    const handle = await client.enqueue('a', undefined, { retention: '1h' });
    const error = await failureOf(() => handle.result({ timeout: '10s' }));
    await server.shutdown();

    expect(error).toBeInstanceOf(MessageDecodeError);
    expect(shown(error)).not.toContain(SECRET);
  });
});
