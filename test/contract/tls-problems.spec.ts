import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { RedisCommandError, Server, silentLogger } from '@nestjs-asynq/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { openTlsFront, type TlsFront } from '../support/tls-front.js';

const UNTRUSTED = /unable to verify the first certificate/;
const OTHER_NAME = /Hostname\/IP does not match certificate's altnames/;
/** A call waits so long for a connection; attempts to connect are further apart after a while. */
const BETWEEN_MS = 700;

describe('a TLS connection that cannot be made', () => {
  let redis: RedisServer;
  let front: TlsFront;
  let ca: string;

  beforeAll(async () => {
    redis = await startRedis();
    front = await openTlsFront(redis);
    ca = await readFile(front.caFile, 'utf8');
  });

  afterAll(async () => {
    await front[Symbol.asyncDispose]();
    await redis.stop();
  });

  const cases = [
    ['of a CA that is not known', () => ({ url: `rediss://${front.address}` }), UNTRUSTED],
    ['for another name', () => ({ url: `rediss://${front.address}`, options: { tls: { ca } } }), OTHER_NAME],
    ['of a node of a cluster', () => ({ url: `rediss-cluster://${front.address}` }), UNTRUSTED],
  ] as const;

  it.each(cases)('tells each caller why: the certificate is %s', async (_, connect, reason) => {
    await using server = new Server({ connection: connect(), logger: silentLogger });
    const failures: unknown[] = [];

    for (let call = 0; call < 6; call++) {
      failures.push(await server.ping().catch((error: unknown) => error));
      await delay(BETWEEN_MS);
    }

    for (const failure of failures) {
      expect(failure).toBeInstanceOf(RedisCommandError);
      expect(failure).toMatchObject({ isTransient: true, isOutcomeUnknown: false });
      expect((failure as Error).message).toMatch(reason);
      expect((failure as RedisCommandError).remedy).toMatch(/certificate/);
    }
  });

  it.each(cases)('tells in the log of a server why: the certificate is %s', async (_, connect, reason) => {
    const logged: string[] = [];
    const log = (_message: string, fields: { readonly error?: Error } = {}): void => {
      if (fields.error) logged.push(fields.error.message);
    };
    await using server = new Server({ connection: connect(), logger: { ...silentLogger, warn: log, error: log } });

    await server.start(() => undefined);
    await expect.poll(() => logged.length).toBeGreaterThan(2);

    for (const message of logged) expect(message).toMatch(reason);
  });
});
