import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { describeEveryRole } from '../contract/every-role.js';
import { type Sentinel, startSentinel } from '../support/sentinel.js';
import { openRedisQueue } from '../support/test-queue.js';
import { startTlsRedis, type TlsRedis } from '../support/tls-redis.js';

let redis: TlsRedis | undefined;
let admin: Redis | undefined;
let sentinel: Sentinel | undefined;

beforeAll(async () => {
  redis = await startTlsRedis();
  if (!redis) return;
  const { server, tlsPort, tlsArgs } = redis;
  admin = new Redis(server.url);
  sentinel = await startSentinel({ host: server.host, port: tlsPort }, 'guard', { tlsArgs });
});

afterAll(async () => {
  admin?.disconnect();
  await sentinel?.[Symbol.asyncDispose]();
  await redis?.[Symbol.asyncDispose]();
});

beforeEach(({ skip }) => skip(!redis, 'the server was built without TLS'));

describeEveryRole('the master of a sentinel, both over TLS', () =>
  openRedisQueue(admin!, {
    connection: {
      url: `rediss-sentinel://:guard@127.0.0.1:${sentinel!.port}?master=main`,
      options: { tls: { ca: redis!.ca } },
    },
  }),
);
