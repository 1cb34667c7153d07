import { setTimeout } from 'node:timers/promises';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Client, type RedisCommandError, silentLogger } from '@nestjs-asynq/core';
import { Redis } from 'ioredis';
import {
  AsynqModule,
  type AsynqModuleOptions,
  ConnectionUnavailableError,
  TaskDistributor,
  TaskEvents,
  TaskHandler,
} from 'nestjs-asynq';
import { firstValueFrom } from 'rxjs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { drawPorts, PORTS } from '../support/free-port.js';
import { startTlsRedis, type TlsRedis } from '../support/tls-redis.js';

let redis: TlsRedis | undefined;
let tls: TlsRedis;
let closedPort: number;
let admin: Redis;

beforeAll(async () => {
  redis = await startTlsRedis();
  if (!redis) return;
  tls = redis;
  [closedPort] = (await drawPorts(1, PORTS.redis)) as [number];
  admin = new Redis(tls.server.url);
  await admin.acl('SETUSER', 'app', 'on', '>right', '~*', '&*', '+@all');
});

beforeEach(({ skip }) => skip(!redis, 'the server was built without TLS'));

afterAll(async () => {
  if (!redis) return;
  admin.disconnect();
  await redis[Symbol.asyncDispose]();
});

/** What would have ended the process. */
const uncaught: unknown[] = [];
const note = (error: unknown): void => void uncaught.push(error);

beforeEach(() => {
  uncaught.length = 0;
  process.on('uncaughtException', note).on('unhandledRejection', note);
});

afterEach(() => {
  process.off('uncaughtException', note).off('unhandledRejection', note);
  expect(uncaught).toEqual([]);
});

type Fault = readonly [title: string, connection: () => { url: string; options?: object }, cause: RegExp];

const host = (): string => `127.0.0.1:${tls.server.port}`;

/** Waiting may help. */
const TEMPORARY: readonly Fault[] = [
  ['a refused port', () => ({ url: `redis://127.0.0.1:${closedPort}` }), /^connect ECONNREFUSED/],
  ['an unknown host', () => ({ url: 'redis://no-such-host.invalid:6379' }), /^getaddrinfo (?:ENOTFOUND|EAI_AGAIN)/],
  [
    'a port that expects TLS',
    () => ({ url: `redis://127.0.0.1:${tls.tlsPort}` }),
    /^Socket closed by the server before it answered; does it expect TLS|ECONNRESET/,
  ],
];

/** Only another configuration helps. */
const PERMANENT: readonly Fault[] = [
  ['a wrong password', () => ({ url: `redis://app:wrong@${host()}` }), /^WRONGPASS/],
  ['a wrong user', () => ({ url: `redis://nobody:right@${host()}` }), /^WRONGPASS/],
  ['a database that does not exist', () => ({ url: `redis://app:right@${host()}/99` }), /DB index is out of range/],
  [
    'a certificate that nobody vouches for',
    () => ({ url: `rediss://127.0.0.1:${tls.tlsPort}` }),
    /certificate|SELF_SIGNED/i,
  ],
];

class Tasks {
  @TaskHandler('a')
  a(): void {}
}

function createApp(asynq: AsynqModuleOptions) {
  @Module({ imports: [AsynqModule.forRoot({ worker: true, ...asynq })], providers: [Tasks] })
  class AppModule {}
  return NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false });
}

const failureOf = (work: Promise<unknown>): Promise<Error> =>
  work.then(
    () => Promise.reject(new Error('it did not fail')),
    (error: unknown) => error as Error,
  );

describe.each(TEMPORARY)('%s', (_title, connection, cause) => {
  it('fails an enqueue after enqueueTimeout, with the cause first', async () => {
    await using client = new Client({ connection: connection(), enqueueTimeout: 400, logger: silentLogger });

    const error = (await failureOf(client.enqueue('a'))) as RedisCommandError;

    expect(error.message).toMatch(cause);
    expect(error.isTransient).toBe(true);
  });

  it('fails the boot after the timeout, with the cause and the way to start without Redis', async () => {
    const error = await failureOf(createApp({ connection: connection(), connect: { timeout: 400 } }));

    expect(error).toBeInstanceOf(ConnectionUnavailableError);
    expect(error.message).toContain('after 400 ms');
    expect(error.message).toContain('Set connect.required=false');
  });
});

// Neither test would end in time if the failure were taken for a temporary one.
describe.each(PERMANENT)('%s', (_title, connection, cause) => {
  it('fails each enqueue at once, with the cause first', async () => {
    await using client = new Client({ connection: connection(), enqueueTimeout: '50s', logger: silentLogger });

    for (let call = 0; call < 3; call++) {
      const error = (await failureOf(client.enqueue('a'))) as RedisCommandError;

      expect(error.message).toMatch(cause);
      expect(error).toMatchObject({ isTransient: false, isOutcomeUnknown: false });
    }
  });

  it('fails the boot at once, without the hint that does not help', async () => {
    const error = await failureOf(createApp({ connection: connection(), connect: { timeout: '1h' } }));

    expect(error).toBeInstanceOf(ConnectionUnavailableError);
    expect(error.message).toContain('cannot be used');
    expect(error.message).not.toContain('connect.required');
  });
});

it.each([...TEMPORARY, ...PERMANENT])(
  '%s does not keep an app from starting that does not require Redis',
  async (...fault) => {
    const [, connection] = fault;
    const app = await createApp({
      connection: connection(),
      connect: { required: false, timeout: 300 },
      enqueueTimeout: 300,
    });

    const error = await failureOf(app.get(TaskDistributor).enqueue('a'));

    expect(error.message).toMatch(fault[2]);
    await app.close();
  },
);

it('a client that is closed during the TLS handshake leaves no error behind', async () => {
  const open = async (nth: number): Promise<void> => {
    const connection = { url: `rediss://127.0.0.1:${tls.tlsPort}` };
    const client = new Client({ connection, enqueueTimeout: 300, logger: silentLogger });
    const failed = client.enqueue('a').catch(String);
    await setTimeout(nth % 12);
    await client.close();
    await failed;
  };

  for (let round = 0; round < 10; round++) await Promise.all(Array.from({ length: 12 }, (_, nth) => open(nth)));

  await setTimeout(100); // the server answers what was broken off
  expect(uncaught).toEqual([]);
});

it('a cluster whose nodes are asked for its slots in vain leaves no error behind', async () => {
  const ask = async (slotsRefreshTimeout: number): Promise<void> => {
    const cluster = [{ host: '127.0.0.1', port: tls.tlsPort }];
    const connection = { cluster, options: { slotsRefreshTimeout, redisOptions: { tls: {} } } };
    await using client = new Client({ connection, enqueueTimeout: 100, logger: silentLogger });
    await client.enqueue('a').catch(String);
  };

  // Gives up at each step of the handshake.
  for (let round = 0; round < 4; round++) await Promise.all(Array.from({ length: 12 }, (_, nth) => ask(1 + nth)));

  await setTimeout(100); // the server answers what was broken off
  expect(uncaught).toEqual([]);
});

describe('at a reconnect', () => {
  it.each<[string, begin: string[], end: string[], cause: RegExp]>([
    ['a password that was changed', ['resetpass', '>other'], ['resetpass', '>right'], /^WRONGPASS/],
    ['a user that was turned off', ['off'], ['on'], /^WRONGPASS/],
    ['a database that the user may no longer select', ['-select'], ['+select'], /^NOPERM/],
  ])('%s fails calls at once, and work goes on when it is undone', async (_title, begin, end, cause) => {
    const url = `redis://app:right@${host()}/1`;
    const app = await createApp({ connection: { url }, enqueueTimeout: '50s' });
    const tasks = app.get(TaskDistributor);
    await tasks.enqueue('a');

    await admin.acl('SETUSER', 'app', ...begin);
    await admin.client('KILL', 'USER', 'app');
    // The first call may meet the connection that is being closed.
    await expect.poll(async () => (await failureOf(tasks.enqueue('a'))).message).toMatch(cause);
    await admin.acl('SETUSER', 'app', ...end);
    const succeeded = firstValueFrom(app.get(TaskEvents).of('succeeded'));
    await expect.poll(async () => tasks.enqueue('a').then(() => 'written', String)).toBe('written');

    await succeeded;
    await app.close();
  });
});
