import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, Inspector, openBroker, RedisCommandError, Server, silentLogger } from '@nestjs-asynq/core';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { startRedis } from '../support/redis-server.js';

/** Makes Redis refuse writes, and lets it take them again. */
interface Trouble {
  readonly refusal: string;
  readonly remedy: string;
  begin(admin: Redis): Promise<void>;
  end(admin: Redis): Promise<void>;
}

const FULL: Trouble = {
  refusal: 'OOM',
  remedy: 'raise maxmemory',
  begin: async (admin) => void (await admin.config('SET', 'maxmemory', '1')),
  end: async (admin) => void (await admin.config('SET', 'maxmemory', '0')),
};

/** Those that refuse outcomes too: the scripts that store them free memory first, which a full Redis allows. */
const TROUBLES: readonly Trouble[] = [
  {
    refusal: 'MISCONF',
    remedy: 'disk',
    async begin(admin) {
      const [, dir] = (await admin.config('GET', 'dir')) as [string, string];
      await rm(dir, { recursive: true }); // no snapshot can be written any more
      await admin.config('SET', 'save', '3600 1');
      await admin.bgsave();
      while (!(await admin.info('persistence')).includes('rdb_last_bgsave_status:err')) await delay(10);
    },
    end: async (admin) => void (await admin.config('SET', 'stop-writes-on-bgsave-error', 'no')),
  },
  {
    refusal: 'NOPERM',
    remedy: 'grant',
    begin: async (admin) => void (await admin.acl('SETUSER', 'worker', '-evalsha', '-eval')),
    end: async (admin) => void (await admin.acl('SETUSER', 'worker', '+evalsha', '+eval')),
  },
];

describe('a Redis that refuses writes', () => {
  it.each([FULL, ...TROUBLES])('refuses an enqueue at once, and says what helps: $refusal', async (trouble) => {
    const { refusal, remedy, begin, end } = trouble;
    await using redis = await startRedis();
    const admin = new Redis(redis.url);
    await admin.acl('SETUSER', 'worker', 'on', '>pw', '~*', '&*', '+@all');
    await using client = new Client({
      connection: { url: redis.url.replace('//', '//worker:pw@') },
      logger: silentLogger,
    });
    await client.enqueue('email');
    await begin(admin);

    const failure = await client.enqueue('email').catch((error: unknown) => error);
    await end(admin);
    await client.enqueue('email');

    expect(failure).toBeInstanceOf(RedisCommandError);
    expect(failure).toMatchObject({ isTransient: false, isRepairable: true });
    expect((failure as Error).message).toContain(remedy);
    expect((failure as Error).message).toContain(refusal);
    admin.disconnect();
  });

  it.each(TROUBLES)('gets an outcome once $refusal is put right while the lease lasts', async ({ begin, end }) => {
    await using redis = await startRedis();
    const admin = new Redis(redis.url);
    await admin.acl('SETUSER', 'worker', 'on', '>pw', '~*', '&*', '+@all');
    await using client = new Client({ connection: { url: redis.url }, logger: silentLogger });
    await using inspector = new Inspector({ connection: { url: redis.url }, logger: silentLogger });
    await using broker = disposable(
      openBroker({ url: redis.url.replace('//', '//worker:pw@') }, { logger: silentLogger }),
    );
    let onRefused: () => void = () => undefined;
    let onStored: () => void = () => undefined;
    const refused = new Promise<void>((resolve) => (onRefused = resolve));
    const stored = new Promise<void>((resolve) => (onStored = resolve));
    const { settle } = broker;
    broker.settle = async (...args) => {
      try {
        return await settle(...args);
      } catch (error) {
        onRefused();
        throw error;
      }
    };
    let runs = 0;
    await using server = new Server({
      connection: broker,
      logger: silentLogger,
      retryDelay: () => 3_600_000,
      onEvent: ({ kind }) => kind === 'retried' && onStored(),
    });
    await server.start(async () => {
      runs++;
      await begin(admin);
      throw new Error('try again');
    });
    const { id } = await client.enqueue('email', {}, { taskId: 'kept' });

    await refused;
    await end(admin);
    await stored;

    expect(runs).toBe(1);
    expect(await inspector.taskInfo('default', id)).toMatchObject({ state: 'retry', retried: 1, crashes: 0 });
    admin.disconnect();
  });
});

function disposable<Closable extends { close(): Promise<void> }>(closable: Closable): Closable & AsyncDisposable {
  return Object.assign(closable, { [Symbol.asyncDispose]: () => closable.close() });
}
