import { Client, Inspector, openBroker, QueueError, Scheduler, Server } from '@nestjs-asynq/core';
import { Redis } from 'ioredis';
import { inspect } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { quiet } from '../support/quiet.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';

const PASSWORD = 'pw-hunter2-9f';
const PAYLOAD = 'payload-7Tq';

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis({ args: ['--requirepass', PASSWORD, '--rename-command', 'EVALSHA', 'hidden'] });
});
afterAll(() => redis.stop());

/** Everything that Node can show of a value. */
const seen = (value: unknown): string =>
  inspect(value, { depth: 10, showHidden: true, maxArrayLength: 1_000, maxStringLength: 100_000 }) +
  inspect(value, { depth: 10, showHidden: true, getters: true }) +
  JSON.stringify(value);

const address = (password: string): string => redis.url.replace('://', `://:${password}@`);

it.each([
  ['a URL', () => ({ url: address(PASSWORD) })],
  ['options', () => ({ url: redis.url, options: { password: PASSWORD } })],
])('does not show a password of %s in any object or log line', async (_, connectionOf) => {
  const { logger, lines } = quiet();
  const settings = { connection: connectionOf(), logger };
  const broker = openBroker(settings.connection, { logger });
  await using client = new Client(settings);
  await using inspector = new Inspector(settings);
  await using scheduler = new Scheduler(settings);
  await using server = new Server(settings);
  scheduler.register('@every 1h', 'task');
  const ran = new Promise<unknown>((resolve) => void server.start((payload, ctx) => resolve([payload, ctx])));
  await scheduler.start();
  const task = await client.enqueue('task', { text: PAYLOAD });
  await ran;
  await broker.ping();

  for (const part of [broker, client, inspector, scheduler, server, task, lines]) {
    expect(seen(part)).not.toContain(PASSWORD);
    expect(seen(part)).not.toContain(PAYLOAD);
  }
  await broker.close();
});

it.each([
  ['a wrong password', () => ({ url: address('wrong-s3cret') })],
  ['a URL that is none', () => ({ url: 'redis://:wrong-s3cret@host:port' })],
  ['a node that is none', () => ({ cluster: ['redis://:wrong-s3cret@host:port'] })],
  ['options in the wrong place', () => ({ host: '127.0.0.1', password: 'wrong-s3cret' }) as never],
  ['no object', () => 'redis://:wrong-s3cret@host' as never],
])('does not show the secrets of %s in an error or a log line', async (_, connectionOf) => {
  const { logger, lines } = quiet();

  const error = await (async () => {
    await using client = new Client({ connection: connectionOf(), logger });
    await client.enqueue('task', PAYLOAD);
  })().catch((reason: unknown) => reason);

  expect(error).toBeInstanceOf(Error);
  expect(seen([error, lines])).not.toContain('s3cret');
  expect(seen([error, lines])).not.toContain(PAYLOAD);
});

const DEAD = '127.0.0.1:1';

it.each([
  ['TLS', { url: `rediss://ada:s3cret@${DEAD}/1` }],
  ['TLS to a server without it', () => ({ url: `rediss://:s3cret@127.0.0.1:${redis.port}` })],
  ['an encoded password', { url: `redis://ada:s3cret%40%2F%3A@${DEAD}` }],
  ['a socket', { url: 'redis-socket://ada:s3cret@/nowhere/redis.sock' }],
  ['sentinels', { url: `redis-sentinel://:s3cret-1@${DEAD}?master=m&username=ada&password=s3cret-2` }],
  ['sentinels with TLS', { url: `rediss-sentinel://ada:s3cret-1@${DEAD}?master=m&password=s3cret%2D2` }],
  [
    'sentinels in options',
    {
      sentinels: [{ host: '127.0.0.1', port: 1 }],
      name: 'm',
      options: { password: 's3cret', sentinelPassword: 's3cret' },
    },
  ],
  ['a cluster', { url: `redis-cluster://ada:s3cret@${DEAD},${DEAD}` }],
  ['a cluster with TLS', { url: `rediss-cluster://ada:s3cret@${DEAD}` }],
  ['a cluster of URLs', { cluster: [`redis://ada:s3cret@${DEAD}?password=s3cret`] }],
  ['a cluster in options', { cluster: [DEAD], options: { redisOptions: { password: 's3cret' } } }],
  ['a client', () => ({ client: new Redis(`redis://:s3cret@${DEAD}`, { lazyConnect: true }) })],
  ['sentinels that refuse it', () => ({ url: `redis-sentinel://:s3cret-1@127.0.0.1:${redis.port}?master=m` })],
])('does not show the password of a connection that fails: %s', async (_, connection) => {
  const { logger, lines } = quiet();
  await using inspector = new Inspector({
    connection: typeof connection === 'function' ? connection() : connection,
    logger,
  });

  const error = await inspector.queues().catch((reason: unknown) => reason);

  expect(error).toBeInstanceOf(QueueError);
  expect(seen([inspector, error, (error as Error).cause, lines])).not.toContain('s3cret');
});

it('does not show the arguments of an unknown command', async () => {
  await using plain = await startRedis({
    args: ['--rename-command', 'EVALSHA', 'hidden', '--rename-command', 'EVAL', 'secret'],
  });
  const { logger, lines } = quiet();
  await using client = new Client({ connection: { url: plain.url }, logger });

  const error = await client.enqueue('task', PAYLOAD).catch((reason: unknown) => reason);

  expect(error).toMatchObject({ code: 'REDIS_COMMAND', message: expect.stringContaining('unknown command') as string });
  expect(seen([error, lines])).not.toContain(PAYLOAD);
});
