import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { describeEveryRole } from '../contract/every-role.js';
import { documentedRights, setUser } from '../support/documented-rights.js';
import { openRedisQueue } from '../support/test-queue.js';
import { startTlsRedis, type TlsRedis } from '../support/tls-redis.js';

let redis: TlsRedis | undefined;
let admin: Redis | undefined;

beforeAll(async () => {
  redis = await startTlsRedis();
  if (!redis) return;
  admin = new Redis(redis.server.url);
  const { worker } = await documentedRights();
  await setUser(admin, 'app', worker);
});

afterAll(async () => {
  admin?.disconnect();
  await redis?.[Symbol.asyncDispose]();
});

beforeEach(({ skip }) => skip(!redis, 'the server was built without TLS'));

describeEveryRole('TLS, as the user of the guide', () => {
  const { tlsPort, ca } = redis!;
  return openRedisQueue(admin!, {
    connection: { url: `rediss://app:secret@127.0.0.1:${tlsPort}`, options: { tls: { ca } } },
  });
});
